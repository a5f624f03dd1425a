"""Tree to graph of layers: pure functions over immutable values."""
