"""What N lines cost grows as N.

Counted are the collections of Python's youngest generation of objects: one for every 700 objects that are made
and not let go at once. Copying what was gathered so far for each line would make N x N of them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from compiling import compile_text

FEW, MANY = 500, 2_000
LINES: dict[str, Callable[[int], str]] = {
    "ARG": lambda n: f"ARG name{n}=value\n",
    "COPY": lambda n: f"COPY file{n} /file{n}\n",
    "COPY below ENV": lambda n: f"ENV name{n}=value\nCOPY file{n} /file{n}\n",
    "ENV": lambda n: f"ENV name{n}=value\n",
    "EXPOSE": lambda n: f"EXPOSE {n + 1}\n",
    "LABEL": lambda n: f"LABEL name{n}=value\n",
    "ONBUILD": lambda n: f"ONBUILD RUN echo {n}\n",
    "RUN": lambda n: f"RUN echo {n}\n",
    "USER": lambda n: f"USER user{n}\n",
    "VOLUME": lambda n: f"VOLUME /volume{n}\n",
    "WORKDIR": lambda n: f"WORKDIR /directory{n}\n",
    "a chain of stages": lambda n: f"FROM {f's{n - 1}' if n else 'scratch'} AS s{n}\nENV name{n}=value\n",
    "a chain of triggers": lambda n: (
        f"FROM {f's{n - 1}' if n else 'scratch'} AS s{n}\nONBUILD ENV name{n}=value\n"
    ),
    "stages side by side": lambda n: f"FROM scratch AS s{n}\nCOPY file{n} /\n",
}


def collections(text: str) -> int:
    """How many collections it takes to compile ``text``."""
    usual = gc.get_threshold()
    gc.set_threshold(700, 10, 10)  # a command that another test has called may have raised it
    try:
        gc.collect()
        before = gc.get_stats()[0]["collections"]
        compile_text(text)
        return gc.get_stats()[0]["collections"] - before
    finally:
        gc.set_threshold(*usual)


@pytest.mark.parametrize("what", LINES)
def test_four_times_the_lines_cost_four_times_the_work(what: str) -> None:
    start = "" if "stages" in what or "chain" in what else "FROM scratch\n"
    few, many = (collections(start + "".join(map(LINES[what], range(count)))) for count in (FEW, MANY))
    assert few > 2
    assert many < 6 * few
