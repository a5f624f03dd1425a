"""Ways out of the store: one file an exporter."""
