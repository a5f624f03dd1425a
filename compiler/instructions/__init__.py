"""One file an instruction: how it is checked, and what it does to a stage."""
