"""Diagrams of geometry as SVG text (layer L2): they take plain data and know neither torch nor widgets."""
