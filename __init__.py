"""layerc: a compiler for Dockerfiles.

Text goes through ``grammar`` into a lossless syntax tree, ``compiler`` lowers the tree to a graph of
layers, ``runtime`` builds the graph with a cache and writes images.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
