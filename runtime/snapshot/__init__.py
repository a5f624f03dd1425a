"""Unpacked layer stacks: entries, overlay mounts, layer diff and apply."""
