"""One script per question; each reads data, computes, and prints what it found."""
