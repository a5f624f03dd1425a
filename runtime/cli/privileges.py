"""Commands that change the store need to own what they make."""

from __future__ import annotations

__all__ = ["become_root"]


def become_root() -> tuple[str, ...]:
    """Enter a user namespace if this user may not mount; the first thing that a command does.

    Returns notices for the user. Raises :class:`EnvironmentLackError`.
    """
    from ..store.privileges import is_privileged

    if is_privileged():
        return ()
    from ..sandbox.userns import enter

    return enter()
