"""One file for each part of tracing; PyTorch itself is the oracle."""
