"""A store, layers, and a program that looks at files in many ways."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from layerc.runtime.engine.observer import Observer
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store, remove_tree

Stack = tuple[str, ...]


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """probe.c, compiled to a static program."""
    made = tmp_path_factory.mktemp("probe") / "probe"
    source = Path(__file__).with_name("probe.c")
    subprocess.run(["cc", "-static", "-O1", "-Wall", "-Werror", "-pthread", "-o", made, source], check=True)
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    enter_mount_namespace()
    home = str(tmp_path_factory.mktemp("home") / "store")
    with Store.open(home) as opened:
        yield opened
    remove_tree(home)


def make_layer(store: Store, stack: Stack, change: Callable[[Path], object]) -> Stack:
    """``stack`` and a layer on it, with what ``change`` does to the mounted tree."""
    with store.draft() as draft:
        with mount(store, stack, draft) as root:
            change(Path(root))
        return (*stack, commit(store, draft, StackView(store, stack)).diff_id)


class Observed(NamedTuple):
    events: dict[str, int] | None
    value: Any
    complaint: str = ""
    broken: bool = False


def observe(store: Store, stack: Stack, act: Callable[[Path], object], *, writable: bool = True) -> Observed:
    """What ``act`` asks of the tree of ``stack``, and what it returns."""
    observer = Observer(store, observes=True)
    with store.draft() as draft, observer.mount(stack, draft if writable else None) as root:
        value = act(Path(root))
    views = observer.views()
    events = None if views is None else dict(views[0].trace.events)
    return Observed(events, value, observer.complaint, observer.broken)
