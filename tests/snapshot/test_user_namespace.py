"""In a user namespace: overlays marked with user attributes, and layers that are the same as root's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layerc.runtime.snapshot.mount import mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

from .conftest import archive_of, change_layer, read_tree
from .tree_changes import CHANGES

pytestmark = pytest.mark.root

PROGRAM = """
import io, json, os, sys
from layerc.runtime.snapshot.apply import apply
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.export import write_layer
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store
sys.path.insert(0, sys.argv[2])
from tree_changes import CHANGES
enter_mount_namespace()
with Store.open(sys.argv[1]) as store, Store.open(sys.argv[1] + ".again") as again:
    assert store.unprivileged
    stack = []
    for change in CHANGES:
        with store.draft() as draft:
            with mount(store, stack, draft) as root:
                change(root)
            stack.append(commit(store, draft, StackView(store, stack)).diff_id)
    for diff_id in stack:
        archive = io.BytesIO()
        write_layer(store, diff_id, archive.write)
        archive.seek(0)
        apply(again, archive, diff_id)
    trees = []
    for place in (store, again):
        with mount(place, stack) as root:
            trees.append(sorted((path[len(root):], *names, *files) for path, names, files in os.walk(root)))
    assert trees[0] == trees[1]
    print(json.dumps(stack))
"""


SHORT_PROGRAM = """
import sys
from layerc.runtime.errors import EnvironmentLackError
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.store import Store
enter_mount_namespace()
with Store.open(sys.argv[1]) as store, store.draft() as draft:
    try:
        with mount(store, [], draft):
            pass
    except EnvironmentLackError as error:
        print(error.message, error.help)
"""


def in_namespace(program: str, root: str) -> str:
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", program, root]
    done = subprocess.run([*command, str(Path(__file__).parent)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_same_layers_as_of_root(store: Store, tmp_path: Path) -> None:
    stack = json.loads(in_namespace(PROGRAM, str(tmp_path / "other")))
    expected: list[str] = []
    for change in CHANGES:
        expected.append(change_layer(store, expected, change).diff_id)
    assert stack == expected
    # Root can use what was made there: the store says which attributes its snapshots have.
    with Store.open(str(tmp_path / "other")) as other:
        assert other.unprivileged
        assert archive_of(other, stack[-1]) == archive_of(store, stack[-1])
        with mount(other, stack) as root, mount(store, stack) as own:
            assert read_tree(root) == read_tree(own)
            assert StackView(other, stack).listdir("") == sorted(os.listdir(root))


def test_the_store_of_root_is_refused(tmp_path: Path) -> None:
    """Its opaque directories can not be seen from a user namespace, so nothing is shown at all."""
    Store.open(str(tmp_path / "store")).close()
    told = in_namespace(SHORT_PROGRAM, str(tmp_path / "store"))
    assert "was made by root" in told
    assert "LAYERC_HOME" in told
