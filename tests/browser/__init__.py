"""Driven in a real JupyterLab; skipped where there is no Chromium."""
