"""Compare two images entry by entry: root file systems, configs, histories.

    python tests/tools/treediff.py LEFT RIGHT        (OCI layout directories or archives; `PATH:TAG` picks one)

Reads the documents and applies the layers itself, from their tar archives, with the standard library alone
(and zstandard for layers packed so): it shares no code with what it checks.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

__all__ = ["Difference", "Image", "Node", "compare_configs", "compare_trees", "read_directory", "read_image"]

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "fifo",
}
_KINDS_ON_DISK = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True, eq=False)
class Node:
    """One inode: entries that are hard links of each other share it. ``mtime`` in whole seconds."""

    kind: str
    mode: int
    uid: int
    gid: int
    mtime: int
    digest: str = ""
    target: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Image:
    """A tree of absolute paths without the leading slash ("" is the root), a config, the layers' diff IDs."""

    tree: Mapping[str, Node]
    config: Mapping[str, Any]
    layers: tuple[str, ...]


@dataclass(frozen=True, order=True)
class Difference:
    """``what`` names the field; ``left`` and ``right`` are its values, as texts."""

    path: str
    what: str
    left: str = field(compare=False)
    right: str = field(compare=False)

    def __str__(self) -> str:
        return f"{self.path}: {self.what}: {self.left} | {self.right}"


# --- reading -----------------------------------------------------------------------------------------


class Blobs(Protocol):
    """The files of an OCI layout, wherever they lie."""

    def open(self, name: str) -> IO[bytes]: ...


@dataclass
class Folder:
    """A layout as a directory."""

    path: Path

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")


@dataclass
class Archive:
    """A layout in a tar archive."""

    tar: tarfile.TarFile
    names: dict[str, tarfile.TarInfo]

    def open(self, name: str) -> IO[bytes]:
        file = self.tar.extractfile(self.names[name])
        assert file is not None
        return file


@contextmanager
def layout(path: Path) -> Iterator[Blobs]:
    if path.is_dir():
        yield Folder(path)
        return
    with tarfile.open(path) as tar:
        yield Archive(tar, {entry.name.removeprefix("./"): entry for entry in tar})


def read_image(place: str | Path, platform: str = "") -> Image:
    """Read an image and lay its layers over each other. Every digest on the way is checked."""
    path, _, tag = str(place).partition(":")
    with layout(Path(path)) as blobs:
        with blobs.open("index.json") as file:
            entries = json.load(file)["manifests"]
        manifest = _manifest(blobs, entries, tag, platform)
        config = json.loads(_checked(blobs, manifest["config"]["digest"]))
        diff_ids = tuple(config["rootfs"].setdefault("diff_ids", []) or ())
        assert len(diff_ids) == len(manifest["layers"] or ()), "as many diff IDs as layers"
        tree: dict[str, Node] = {"": Node("directory", 0o755, 0, 0, 0)}
        for descriptor, diff_id in zip(manifest["layers"] or (), diff_ids, strict=True):
            layer = _parsed(_checked(blobs, descriptor["digest"]), descriptor["digest"])
            assert layer.diff_id == diff_id, f"{layer.diff_id} is called {diff_id}"
            apply_layer(tree, layer)
        return Image(tree, config, diff_ids)


def _manifest(blobs: Blobs, entries: list[dict[str, Any]], tag: str, platform: str) -> dict[str, Any]:
    names = ("org.opencontainers.image.ref.name", "io.containerd.image.name")
    for entry in entries:
        annotations = entry.get("annotations") or {}
        if tag and not any(annotations.get(name, "").endswith(tag) for name in names):
            continue
        where = entry.get("platform") or {}
        told = "/".join(where[key] for key in ("os", "architecture", "variant") if where.get(key))
        if platform and where and told != platform:
            continue
        if where.get("os") == "unknown":  # an attestation
            continue
        document = json.loads(_checked(blobs, entry["digest"]))
        if entry["mediaType"] in INDEXES or "manifests" in document:
            return _manifest(blobs, document["manifests"], "", platform)
        return document
    raise LookupError(f"no image with the tag {tag!r} and the platform {platform!r}")


def _checked(blobs: Blobs, digest: str) -> bytes:
    with blobs.open("blobs/" + digest.replace(":", "/")) as file:
        data = file.read()
    assert "sha256:" + hashlib.sha256(data).hexdigest() == digest, f"{digest} is not what it names"
    return data


def _unpacked(data: bytes) -> bytes:
    if data.startswith(b"\x1f\x8b"):
        return gzip.decompress(data)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()
    return data


@dataclass(frozen=True)
class Layer:
    """One layer's archive: what it adds (a hard link is the path that it links to), removes and empties."""

    diff_id: str
    added: Mapping[str, Node | str]
    removed: tuple[str, ...]
    emptied: tuple[str, ...]


_layers: dict[str, Layer] = {}  # by the blob's digest: many images share a base


def _parsed(blob: bytes, digest: str) -> Layer:
    if digest not in _layers:
        data = _unpacked(blob)
        _layers[digest] = parse_layer(data)
    return _layers[digest]


def parse_layer(data: bytes) -> Layer:
    """Read a layer's archive."""
    added: dict[str, Node | str] = {}
    removed: list[str] = []
    emptied: list[str] = []
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for entry in tar:
            path = _clean(entry.name)
            parent, _, name = path.rpartition("/")
            if name == ".wh..wh..opq":
                emptied.append(parent)
            elif name.startswith(".wh."):
                removed.append(f"{parent}/{name[4:]}".lstrip("/"))
            elif entry.islnk():
                added[path] = _clean(entry.linkname)
            else:
                added[path] = _node(tar, entry)
    diff_id = "sha256:" + hashlib.sha256(data).hexdigest()
    return Layer(diff_id, added, tuple(removed), tuple(emptied))


def _clean(name: str) -> str:
    path = name.removeprefix("./").strip("/")
    assert ".." not in path.split("/"), f"{name} leaves the root"
    return "" if path == "." else path


def apply_layer(tree: dict[str, Node], layer: Layer) -> None:
    """Lay one layer over ``tree``, as the OCI image spec says: whiteouts take only what is below."""
    for path in layer.removed:
        _remove(tree, path, itself=True)
    for path in layer.emptied:
        _remove(tree, path, itself=False)
    for path, what in layer.added.items():
        node = tree[what] if isinstance(what, str) else what
        if path in tree and tree[path].kind == "directory" and node.kind != "directory":
            _remove(tree, path, itself=True)
        tree[path] = node


def _remove(tree: dict[str, Node], path: str, *, itself: bool) -> None:
    for below in [name for name in tree if name.startswith(f"{path}/")]:
        del tree[below]
    if itself:
        tree.pop(path, None)


def _node(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Node:
    file = tar.extractfile(entry) if entry.isreg() else None
    special = entry.ischr() or entry.isblk()
    prefix = "SCHILY.xattr."
    xattrs = {k.removeprefix(prefix): v for k, v in entry.pax_headers.items() if k.startswith(prefix)}
    return Node(
        kind=KINDS[entry.type],
        mode=entry.mode & 0o7777,
        uid=entry.uid,
        gid=entry.gid,
        mtime=int(entry.mtime // 1),
        digest=hashlib.sha256(file.read()).hexdigest() if file else "",
        target=entry.linkname if entry.issym() else "",
        device=(entry.devmajor, entry.devminor) if special else (0, 0),
        xattrs=tuple(sorted((k, v.encode("utf-8", "surrogateescape").hex()) for k, v in xattrs.items())),
    )


def read_directory(root: str | Path) -> dict[str, Node]:
    """The tree of a directory on disk, as :func:`read_image` gives that of an image."""
    seen: dict[tuple[int, int], Node] = {}
    tree: dict[str, Node] = {}
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in ["", *files, *links]:
            path = os.path.join(folder, name).rstrip("/")
            status = os.lstat(path)
            key = (status.st_dev, status.st_ino)
            if key not in seen:
                seen[key] = _node_of_file(path, status)
            tree[os.path.relpath(path, root) if path != str(root) else ""] = seen[key]
    return tree


def _node_of_file(path: str, status: os.stat_result) -> Node:
    kind = _KINDS_ON_DISK[stat.S_IFMT(status.st_mode)]
    device = (0, 0)
    if "device" in kind:
        device = (os.major(status.st_rdev), os.minor(status.st_rdev))
    digest = ""
    if kind == "file":
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Node(
        kind=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        mtime=int(status.st_mtime // 1),
        digest=digest,
        target=os.readlink(path) if kind == "symlink" else "",
        device=device,
        xattrs=tuple(
            sorted(
                (name, os.getxattr(path, name, follow_symlinks=False).hex())
                for name in os.listxattr(path, follow_symlinks=False)
            )
        ),
    )


# --- comparing ---------------------------------------------------------------------------------------


def compare_trees(
    left: Mapping[str, Node], right: Mapping[str, Node], fresh: tuple[float, float] | None = None
) -> list[Difference]:
    """Every entry that differs. With ``fresh``, the moments at which the two builds began, time stamps of all
    but directories too: those from before must be equal, and what one build made the other must have made.
    """
    found = [Difference(path, "only left", left[path].kind, "") for path in left.keys() - right.keys()]
    found += [Difference(path, "only right", "", right[path].kind) for path in right.keys() - left.keys()]
    left_links, right_links = _links(left), _links(right)
    for path in left.keys() & right.keys():
        one, other = left[path], right[path]
        fields = ["kind", "mode", "uid", "gid", "digest", "target", "device", "xattrs"]
        for name in fields:
            a, b = getattr(one, name), getattr(other, name)
            if a != b:
                form = oct if name == "mode" else str
                found.append(Difference(path, name, form(a), form(b)))
        if left_links[path] != right_links[path]:
            found.append(Difference(path, "hard links", str(left_links[path]), str(right_links[path])))
        if fresh and one.kind != "directory" and _age(one, fresh[0]) != _age(other, fresh[1]):
            found.append(Difference(path, "mtime", _age(one, fresh[0]), _age(other, fresh[1])))
    return sorted(found)


def _links(tree: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    groups: dict[int, list[str]] = defaultdict(list)
    for path, node in tree.items():
        groups[id(node)].append(path)
    return {path: tuple(sorted(paths)) for paths in groups.values() for path in paths}


def _age(node: Node, began: float) -> str:
    return "made by the build" if node.mtime >= int(began) else str(node.mtime)


def compare_configs(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    """Every field that differs, histories included; times, and what a diff ID depends on, aside."""
    one, other = dict(_flat(_comparable(left))), dict(_flat(_comparable(right)))
    paths = sorted(one.keys() | other.keys())
    return [
        Difference(path, "config", one.get(path, "absent"), other.get(path, "absent"))
        for path in paths
        if one.get(path) != other.get(path)
    ]


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in ("created", "rootfs")}
    history = [{k: v for k, v in item.items() if k != "created"} for item in config.get("history") or ()]
    return kept | {"history": history, "layers": len(config["rootfs"]["diff_ids"] or ())}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a document by path; what is null or empty counts as absent, but for an empty list's sake
    in Cmd and Entrypoint, where it means something.
    """
    if isinstance(value, dict):
        if not value and path.count(".") > 1:
            yield path, "{}"
        for key in value:
            yield from _flat(value[key], f"{path}.{key}" if path else key)
    elif path == "history":
        for number, item in enumerate(value):
            yield from _flat(item, f"history.{number}")
    elif value not in (None, "", [], False):
        yield path, json.dumps(value)


def main(words: list[str]) -> int:
    if len(words) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    left, right = (read_image(word) for word in words)
    found = compare_trees(left.tree, right.tree) + compare_configs(left.config, right.config)
    for difference in found:
        print(difference)
    print(f"{len(left.tree)} | {len(right.tree)} entries, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
