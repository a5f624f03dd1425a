"""Where files come from: build contexts, images, archives, URLs, git."""
