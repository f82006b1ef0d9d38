"""Budgets that hold: reserve before a call, settle after it."""
