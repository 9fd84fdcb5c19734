"""Measured curves in matplotlib (layer L2): they take plain numbers and know neither torch nor widgets."""
