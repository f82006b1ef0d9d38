"""Folders of prompts, answered: what is done already is not done again."""
