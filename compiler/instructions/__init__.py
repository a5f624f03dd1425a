"""One file an instruction: its meaning."""
