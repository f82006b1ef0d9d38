"""Sessions: several calls on one account."""
