"""References, authentication and the registry protocol."""
