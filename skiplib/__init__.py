"""Small tools behind the notebooks. Nothing is imported here; take a name from the module that owns it.

Imports run one way, from the first line to the last:

- L0  arithmetic, exercises, questions   integers and feedback, nothing heavy
- L1  data, adding, shortcuts, blocks    digits, and residual blocks in torch
- L2  diagrams                           pictures as SVG text
- L3  explorers                          widgets
"""
