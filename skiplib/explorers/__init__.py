"""Widgets that move the pictures (layer L3): they read controls, call a computing and a drawing function."""
