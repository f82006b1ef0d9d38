"""Servers that tests and experiments start on loopback, each in a folder of its own."""
