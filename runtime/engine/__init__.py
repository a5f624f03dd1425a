"""Cache decisions, layer execution, scheduling, assembly of images."""
