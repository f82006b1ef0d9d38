"""The one-line faces: ``llm()``, sessions, cost control, and providers, over the engine."""
