"""Text to lossless syntax tree, and back. Knows no meaning: no stages, no variables' values."""
