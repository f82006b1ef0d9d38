"""The engine: decide, execute, observe, learn."""
