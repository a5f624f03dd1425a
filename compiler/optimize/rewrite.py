"""What a pass gives back: the new draft, what it changed and why, and what it left alone and why.

>>> Change("moved LABEL down", "no step reads labels", (3, 3)).lines
(3, 3)
"""

from __future__ import annotations

from typing import NamedTuple

from ..effects.model import Claim, Evidence
from .draft import Draft

__all__ = ["Change", "Refusal", "Rewrite"]


class Change(NamedTuple):
    """One thing done. ``what`` and ``why`` are for people, without a full stop at the end: ``split COPY . .``,
    ``npm ci reads package.json and package-lock.json alone``. ``lines`` are the first and last line concerned in
    the file as given (``Step.lines``).

    ``steps`` are the keys of the steps (in the new draft) above which ``--explain`` writes it; none is at the top.
    ``evidence`` is the weakest that it rests on, ``claims`` the statements themselves. ``saves`` says in words
    what it gains, if more is known than what the cost model tells. ``differs`` says what is different in the
    image; empty at -O1.
    """

    what: str
    why: str
    lines: tuple[int, int] = (0, 0)
    steps: tuple[int, ...] = ()
    evidence: Evidence = Evidence.TEXT
    claims: tuple[Claim, ...] = ()
    saves: str = ""
    differs: str = ""
    of: str = ""  # the pass's name; the manager fills it in


class Refusal(NamedTuple):
    """One thing not done. ``what`` would have been done (``move COPY . . below RUN npm ci``), ``why`` it was not,
    and ``needed``, the evidence or the change by hand with which it would be (``build once with layerc to observe
    what line 7 reads``; empty where nothing would help). ``lines`` as in :class:`Change`.
    """

    what: str
    why: str
    lines: tuple[int, int] = (0, 0)
    needed: str = ""
    of: str = ""  # the pass's name; the manager fills it in


class Rewrite(NamedTuple):
    """The result of a pass. A draft with the same text means that nothing was changed."""

    draft: Draft
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
