"""What rebuilding costs: which steps run again after which changes, and how long they take."""
