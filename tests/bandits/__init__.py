"""Laws of the mathematics of choosing."""
