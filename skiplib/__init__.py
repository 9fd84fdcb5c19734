"""Small tools behind the notebooks. Nothing is imported here; take a name from the module that owns it.

Imports run one way, from the first line to the last:

- L0  arithmetic, theory, exercises, questions   numbers and feedback, nothing heavy
- L1  digits, adding, blocks, shortcuts          digits, and residual blocks in torch
      networks, gradients, directions, training  stacks of blocks: what reaches the first one, and whether it learns
- L2  diagrams, figures                          pictures as SVG text, curves in matplotlib
- L3  explorers                                  widgets
"""
