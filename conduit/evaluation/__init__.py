"""Frames in, figures out: what a replay was worth. No I/O, no plotting."""
