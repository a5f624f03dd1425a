"""What a step may read and write, and how far that is known."""
