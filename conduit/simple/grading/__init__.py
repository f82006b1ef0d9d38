"""How complex a prompt is, as a cheap model grades it."""
