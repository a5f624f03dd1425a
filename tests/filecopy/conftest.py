"""A small world: a build context, an image to copy into, and COPY or ADD between them."""

import os
import stat
from types import SimpleNamespace

import pytest

from layerc.compiler.graph.operations import Add, ContextPath, Copy, FromContext, InlineFile
from layerc.compiler.path_patterns import PatternMatcher
from layerc.runtime.engine.filecopy.apply import apply_copy
from layerc.runtime.engine.filecopy.resolve import resolve_copy
from layerc.runtime.sources.context import ContextTree

LINK = "-> "


def build(root, files):
    """Make files: a text is a file's content, ``-> x`` a link to x, ``/`` an empty directory."""
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if content == "/":
            file.mkdir(exist_ok=True)
        elif isinstance(content, bytes):
            file.write_bytes(content)
        elif content.startswith(LINK):
            file.symlink_to(content.removeprefix(LINK))
        else:
            file.write_text(content)


def listing(root):
    """The inverse of :func:`build`; directories that hold something are left out."""
    found = {}
    for directory, names, files in os.walk(root):
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            shown = os.path.relpath(path, root)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                found[shown] = LINK + os.readlink(path)
            elif stat.S_ISDIR(status.st_mode):
                if not os.listdir(path):
                    found[shown] = "/"
            elif stat.S_ISREG(status.st_mode):
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    found[shown] = file.read()
            else:
                found[shown] = stat.filemode(status.st_mode)[0]
    return found


@pytest.fixture
def world(tmp_path):
    context, image = tmp_path / "context", tmp_path / "image"
    context.mkdir()
    image.mkdir()

    def plan(*sources, dest="/", add=False, ignore=(), now_ns=None, fetched=None, **flags):
        items = tuple(item if isinstance(item, InlineFile) else as_source(item) for item in sources)
        kind = Add if add else Copy
        operation = kind(origin=FromContext(), sources=items, dest=dest, **flags)
        tree = ContextTree(str(context), PatternMatcher(ignore))
        trees.append(tree)
        return resolve_copy(operation, tree, now_ns=now_ns, fetched=fetched)

    def copy(*sources, **options):
        made = plan(*sources, **options)
        users = ContextTree(str(image))
        trees.append(users)
        apply_copy(made, str(image), users)
        return listing(image)

    trees = []
    yield SimpleNamespace(
        context=context,
        image=image,
        plan=plan,
        copy=copy,
        put=lambda files: build(context, files),
        have=lambda files: build(image, files),
        listing=lambda: listing(image),
    )
    for tree in trees:
        tree.close()


def as_source(item):
    return ContextPath(item) if isinstance(item, str) else item
