"""Text to the small context vector that the bandit sees: encoding, projection, signals."""
