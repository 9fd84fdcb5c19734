"""Small tools behind the notebooks. Nothing is imported here; take a name from the module that owns it.

Files are the subject, folders show it, and the questions are text. Imports run one way, from the first line down:

- L0  arithmetic, pooling, chains, adding, shortcuts, repairs, theory, words,
      exercises, trials                                                         integers and words
- L1  digits, blocks, networks, gradients, directions, paths, training,
      experiments, judging, tracing/                                            torch
- L2  diagrams/ (SVG), figures/ (matplotlib)                                      pictures of plain data
- L3  explorers/                                                                  widgets
"""
