"""Procedural worlds, and the path tracer that photographs them for training."""
