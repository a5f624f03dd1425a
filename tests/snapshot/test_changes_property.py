"""The law of snapshots: commit, archive, apply, mount and view all tell of the same tree."""

import contextlib
import errno
import io
import os
import random
import shutil
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layerc.runtime.snapshot.apply import apply
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.mount import mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store, StoredLayer

from .conftest import Node, archive_of, change_layer, read_tree

pytestmark = pytest.mark.root

NAMES = ["a", "b", "c", "d", "ü", "x y"]
TARGETS = ["a", "b/c", "/a/b", "../b", "nowhere", "."]
OPERATIONS = (
    "create",
    "append",
    "chmod",
    "chown",
    "rename",
    "remove",
    "mkdir",
    "replace",
    "link",
    "symlink",
    "xattr",
    "fifo",
    "device",
    "touch",
    "sparse",
)
# What the kernel or the tree itself forbids in the place that chance has chosen.
REFUSED = {
    errno.ENOENT,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOTEMPTY,
    errno.EXDEV,
    errno.EINVAL,
    errno.EPERM,
    errno.ELOOP,
    errno.EBUSY,
    errno.ENXIO,
}
step = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 1 << 30))
steps = st.lists(step, max_size=25)


def places(root: str) -> list[str]:
    found = []
    for folder, folders, files in os.walk(root):
        found += [os.path.join(folder, name) for name in (*folders, *files)]
    return sorted(found)


def edit(root: str, operation: str, seed: int) -> None:  # noqa: C901  # one case an operation
    """One change, in a place that ``seed`` chooses."""
    chance = random.Random(seed)
    folders = [root, *(path for path in places(root) if os.path.isdir(path) and not os.path.islink(path))]
    new = os.path.join(chance.choice(folders), chance.choice(NAMES))
    old = chance.choice(places(root) or [new])
    with refused():
        match operation:
            case "create":
                with open(new, "xb") as file:
                    file.write(chance.randbytes(chance.choice([0, 1, 511, 512, 5000])))
                os.utime(new, ns=(0, chance.choice([0, 1, 10**18 + 7, 1_700_000_000 * 10**9])))
            case "append":
                descriptor = os.open(old, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
                os.write(descriptor, b"more")
                os.close(descriptor)
            case "chmod":
                if not os.path.islink(old):
                    os.chmod(old, chance.choice([0o755, 0o700, 0o4755, 0o1777, 0]))
            case "chown":
                os.lchown(old, chance.choice([0, 1, 65534, 1 << 31]), chance.choice([0, 5]))
            case "rename":
                os.rename(old, new)
            case "remove":
                remove(old)
            case "mkdir":
                os.mkdir(new)
            case "replace":
                remove(old)
                if chance.random() < 0.5:
                    os.mkdir(old)
                elif chance.random() < 0.5:
                    os.symlink(chance.choice(TARGETS), old)
                else:
                    with open(old, "xb") as file:
                        file.write(b"replaced")
            case "link":
                os.link(old, new, follow_symlinks=False)
            case "symlink":
                os.symlink(chance.choice(TARGETS), new)
            case "xattr":
                name = chance.choice(["user.a", "user.ü", "security.capability"])
                value = (
                    bytes.fromhex("0100000200040000000000000000000000000000")
                    if "cap" in name
                    else chance.randbytes(3)
                )
                os.setxattr(old, name, value, follow_symlinks=False)
            case "fifo":
                os.mkfifo(new)
            case "device":
                os.mknod(new, 0o020600, os.makedev(1, 3))
            case "touch":
                os.utime(old, ns=(0, 5), follow_symlinks=False)
            case "sparse":
                with open(new, "xb") as file:
                    file.truncate(100_000)


@contextlib.contextmanager
def refused() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSED:
            raise


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def run(root: str, chosen: list[tuple[str, int]]) -> None:
    for operation, seed in chosen:
        edit(root, operation, seed)


def check_view(store: Store, stack: list[str], root: str) -> None:
    """The view of a stack against its mount, at every path."""
    view = StackView(store, stack)
    tree = read_tree(root)
    assert {entry.path for entry in view.walk()} == set(tree)
    for path, node in tree.items():
        entry = view.lstat(path)
        real = os.path.join(root, path)
        assert entry is not None
        assert (entry.mode, entry.uid, entry.gid, entry.xattrs) == (
            node.mode,
            node.uid,
            node.gid,
            node.xattrs,
        ), path
        if entry.kind == "directory":
            assert view.listdir(path) == sorted(os.listdir(real), key=os.fsencode)
            continue
        assert entry.mtime_ns == node.mtime_ns, path
        if entry.kind == "file":
            assert entry.size == node.size
            assert view.digest(path) == f"sha256:{node.content}"
            with view.open(path) as file, open(real, "rb") as expected:
                assert file.read() == expected.read()
        elif entry.kind == "symlink":
            assert view.readlink(path) == node.content
        for wanted in (path, f"{path}/..", f"{path}/a"):
            assert view.resolve(wanted) == chrooted(tree, wanted), wanted


def chrooted(tree: dict[str, Node], path: str, links: int = 0) -> str | None:
    """A second opinion on how names are resolved in a root."""
    here = ""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    for number, part in enumerate(parts):
        if part == "..":
            here = here.rpartition("/")[0]
            continue
        node = tree.get(here)
        if here and (node is None or node.kind != 0o040000):
            return None
        path = f"{here}/{part}" if here else part
        node = tree.get(path)
        if node is None:
            return None
        if node.kind == 0o120000:
            if links > 50:
                return None
            base = "" if node.content.startswith("/") else here
            rest = [base, node.content, *parts[number + 1 :]]
            return chrooted(tree, "/".join(rest), links + 1)
        if number + 1 < len(parts) and node.kind != 0o040000:
            return None
        here = path
    return here


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=steps, second=steps, third=steps)
def test_every_way_of_reading_a_stack_agrees(
    first: list[tuple[str, int]], second: list[tuple[str, int]], third: list[tuple[str, int]]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Store.open(f"{folder}/one") as store,
        Store.open(f"{folder}/two") as other,
    ):
        stack: list[str] = []
        copied: list[str] = []
        for chosen in (first, second, third):
            with store.draft() as draft:
                with mount(store, stack, draft) as root:
                    run(root, chosen)
                    live = read_tree(root)
                layer = commit(store, draft, StackView(store, stack))
            stack.append(layer.diff_id)
            data = archive_of(store, layer.diff_id)
            assert len(data) == layer.size
            applied = apply(other, io.BytesIO(data), layer.diff_id)
            assert (applied.content, applied.entries) == (layer.content, layer.entries)
            copied.append(applied.diff_id)
            with mount(store, stack) as root, mount(other, copied) as second_root:
                assert_same(read_tree(root), live, links=False)
                assert_same(read_tree(second_root), read_tree(root))
                check_view(store, stack, root)
                check_view(other, copied, second_root)


def assert_same(tree: dict[str, Node], expected: dict[str, Node], *, links: bool = True) -> None:
    assert tree.keys() == expected.keys()
    if links:
        assert not {path: (tree[path], expected[path]) for path in tree if tree[path] != expected[path]}
        return
    assert not {
        path: (tree[path], expected[path])
        for path in tree
        if tree[path]._replace(first="") != expected[path]._replace(first="")
    }
    # An overlay parts hard links where it copies up; a commit that finds no change joins them again.
    assert all(tree[node.first].first == tree[path].first for path, node in expected.items())


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(base=steps, other=steps, change=steps)
def test_a_layer_on_another_parent(
    base: list[tuple[str, int]], other: list[tuple[str, int]], change: list[tuple[str, int]]
) -> None:
    """What the layer says it sets is set; the rest is the other parent's; view and mount agree."""
    with tempfile.TemporaryDirectory() as folder, Store.open(f"{folder}/store") as store:
        lower = change_layer(store, [], lambda root: run(root, base))
        instead = change_layer(store, [], lambda root: run(root, other))
        layer = change_layer(store, [lower.diff_id], lambda root: run(root, change))
        stack = [instead.diff_id, layer.diff_id]
        with mount(store, stack) as root:
            check_view(store, stack, root)
        again: StoredLayer = change_layer(store, stack, lambda root: None)
        assert again.entries == 0
