"""Laws of the words everybody speaks."""
