"""layerc: a compiler for Dockerfiles.

Text goes through ``grammar`` into a lossless syntax tree, ``compiler`` lowers the tree to a graph of
layers, ``runtime`` builds the graph with a cache and writes images.

The names below are loaded when they are first used:

>>> from layerc import DependencyResolver, ImageLayer, LayerGraph
>>> from layerc.compiler.graph.operations import Base, Run
>>> base = ImageLayer(Base("debian:12", "linux/amd64"))
>>> step = ImageLayer(Run(("make",)), parent=base.id)
>>> graph = LayerGraph().add_layer(base).add_layer(step)
>>> DependencyResolver(graph).rebuild_affected_layers(step.id) == (step,)
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compiler import compile_dockerfile
    from .compiler.definitions import read_document
    from .compiler.graph.graph import LayerGraph
    from .compiler.graph.layer import ImageLayer
    from .compiler.graph.resolver import DependencyResolver
    from .grammar.parse import parse
    from .grammar.source import SourceFile
    from .grammar.unparse import unparse
    from .runtime.engine.builder import LayerBuilder
    from .runtime.oci.image import ImageManifest

__version__ = "0.1.0"
__all__ = [
    "DependencyResolver",
    "ImageLayer",
    "ImageManifest",
    "LayerBuilder",
    "LayerGraph",
    "SourceFile",
    "__version__",
    "compile_dockerfile",
    "parse",
    "read_document",
    "unparse",
]

_PLACES = {
    "DependencyResolver": ".compiler.graph.resolver",
    "ImageLayer": ".compiler.graph.layer",
    "ImageManifest": ".runtime.oci.image",
    "LayerBuilder": ".runtime.engine.builder",
    "LayerGraph": ".compiler.graph.graph",
    "SourceFile": ".grammar.source",
    "compile_dockerfile": ".compiler",
    "parse": ".grammar.parse",
    "read_document": ".compiler.definitions",
    "unparse": ".grammar.unparse",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name], __name__), name)
