"""Rewrites of a Dockerfile that make the same image, and what they gain."""
