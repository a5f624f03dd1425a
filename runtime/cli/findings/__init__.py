"""How findings of the linter are written: one file a format, listed in ``table.py``."""
