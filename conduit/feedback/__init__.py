"""What happened, as weighted observations: ratings, errors, latency, tokens, semantic retries."""
