"""What may be forgotten: caches, recent queries and the bell, in memory and on Redis."""
