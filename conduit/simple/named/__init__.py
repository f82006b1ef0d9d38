"""Providers by name: one model of one provider, called as it is."""
