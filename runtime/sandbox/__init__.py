"""Run one program in a container on a prepared root file system."""

from .process import Process, ResolvedMount
from .sandbox import Sandbox

__all__ = ["Process", "ResolvedMount", "Sandbox"]
