"""Layers as directories: mounted, committed, read through their entry indexes, written as archives.

Import the submodules: reading an index needs neither mounts nor archives.
"""
