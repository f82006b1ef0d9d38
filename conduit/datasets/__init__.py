"""Recorded outcomes: what every model answered to every prompt, from files and packages."""
