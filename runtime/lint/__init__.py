"""Linting files: their configs, what surrounds them, many at once, and results that are remembered."""
