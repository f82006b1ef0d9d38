"""Cost control: budgets, records and reports for programs."""
