"""The mathematics of choosing: posteriors, selection rules, propensities, budgets. No I/O."""
