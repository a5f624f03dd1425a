"""Many Dockerfiles as one graph: what must be rebuilt when something changes."""
