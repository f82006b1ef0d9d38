"""Durable memory: one contract, kept in memory or in a database."""
