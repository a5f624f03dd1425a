"""Plans as texts: one file a format."""
