"""One provider's models, and several providers: orkestra's face."""
