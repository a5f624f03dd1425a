"""How a build is shown while it runs: one file a form."""

from .choose import MODES, Progress, open_progress

__all__ = ["MODES", "Progress", "open_progress"]
