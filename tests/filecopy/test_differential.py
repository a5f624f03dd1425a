"""The same COPY and ADD by a real Docker engine and by us: the trees must be equal, entry by entry.

Compared are path, kind, mode, owner, content, link target, extended attributes, which names are one file,
and the times of all but directories. (``--parents`` and ``--exclude`` need a newer frontend than engines have.)
"""

import bz2
import gzip
import io
import json
import os
import socket
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from layerc.compiler.graph.operations import Add, ContextPath, Copy, FromContext, InlineFile
from layerc.runtime.engine.filecopy.apply import apply_copy
from layerc.runtime.engine.filecopy.plan import is_linked
from layerc.runtime.engine.filecopy.resolve import resolve_copy
from layerc.runtime.errors import InputError, SourceError, StepError
from layerc.runtime.sources.context import ContextTree
from layerc.runtime.sources.ignore import load_ignore_file

pytestmark = [pytest.mark.root, pytest.mark.engine]

SCRIPT = Path(__file__).parents[2] / "scripts" / "engine-docker"


@pytest.fixture(scope="module")
def engine():
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    if not line:
        process.wait()
        pytest.skip("no Docker engine runs here")
    yield json.loads(line)
    process.communicate()


def tar(*names, compress=lambda data: data, **fields):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            name, _, target = name.partition(" -> ")
            info = tarfile.TarInfo(name.rstrip("/"))
            info.uid, info.gid, info.mtime, info.mode = 5, 6, 1_400_000_000, 0o4751
            info.type = (
                tarfile.DIRTYPE if name.endswith("/") else tarfile.SYMTYPE if target else tarfile.REGTYPE
            )
            if target.startswith("="):
                info.type, target = tarfile.LNKTYPE, target[1:]
            info.linkname = target
            for field, value in fields.items():
                setattr(info, field, value)
            data = b"" if info.type != tarfile.REGTYPE else name.encode()
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return compress(buffer.getvalue())


def put(root, files):
    for path, content in files.items():
        path, _, mode = path.partition("@")
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if content == "/":
            file.mkdir(exist_ok=True)
        elif content == "socket":
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(file))
            listener.close()
        elif content == "pipe":
            os.mkfifo(file)
        elif isinstance(content, bytes):
            file.write_bytes(content)
        elif content.startswith("-> "):
            file.symlink_to(content[3:])
        elif content.startswith("= "):
            os.link(root / content[2:], file)
        else:
            file.write_text(content)
        if mode:
            os.chmod(file, int(mode, 8))
    for directory, names, inner in os.walk(root, topdown=False):
        for name in [*names, *inner]:
            os.utime(Path(directory, name), (1_500_000_000, 1_500_000_000), follow_symlinks=False)


TREE = {
    "a.txt": "a",
    "b.txt@640": "b",
    "c.md@4755": "c",
    "sub/one": "1",
    "sub/deep/two": "2",
    "sub/deep/lib.so": "-> lib.so.1",
    "sub/deep@2770": "/",
    "sub@700": "/",
    "other/three": "3",
    "tolink": "-> sub",
    "filelink": "-> a.txt",
    "absolute": "-> /sub/one",
    "hard/x": "x",
    "hard/y": "= hard/x",
    "hard/z/x": "= hard/x",
}
IMAGE = {
    "etc/passwd": "root:x:0:0::/:\nweb:x:33:34::/:\n",
    "etc/group": "root:x:0:\nstaff:x:50:\n",
    "app/old": "old",
    "app/sub/one": "old one",
    "app/sub@711": "/",
    "app@750": "/",
    "lib": "-> usr/lib",
    "usr/lib/old": "",
    "file": "file",
    "flink": "-> file",
    "outside": "-> ../../../outside",
    "app/a.txt": "-> ../file",
}
ARCHIVES = {
    "a.tar": tar("d/", "d/f", "g -> d/f", "h -> =d/f"),
    "b.tgz": tar("d/", "d/f", compress=gzip.compress),
    "c.tbz": tar("f", "implied/parent/f", compress=bz2.compress),
    "d.tar": tar("sub/", "sub/one", "lib/", "lib/x", "file/", "file/x", "a.txt"),
    "abs.tar": tar("/abs", "a/../b", "l -> /tmp", "l/x", "h -> =/abs", "dangling -> nothing", "dangling/x"),
    "up.tar": tar("../up"),
    "updown.tar": tar("x/../../y"),
    "uplink.tar": tar("up -> ../..", "up/x"),
    "uphard.tar": tar("f -> =../../etc/passwd"),
    "dot.tar": tar("./", "./f", ".wh.x"),
    "xattr.tar": tar("f", pax_headers={"SCHILY.xattr.user.note": "value", "mtime": "1234567890.25"}),
    "empty.tar": bytes(10240),
    "notatar.tar": b"no",
}


def case(*sources, dest, add=False, context=None, ignore="", **flags):
    return pytest.param(sources, dest, add, context or TREE, ignore, flags, id=f"{sources} {dest} {flags}")


CASES = [
    *(
        case(source, dest=dest)
        for source in (
            "a.txt",
            "sub",
            "sub/",
            "sub/.",
            ".",
            "tolink",
            "filelink",
            "absolute",
            "hard",
            "hard/y",
        )
        for dest in ("/new", "/new/", "/app", "/app/", "/lib/", "/p/q/r")
    ),
    case("a.txt", dest="/file"),
    case("b.txt", dest="/flink"),
    case("a.txt", dest="/file/x"),
    case("a.txt", dest="/file/"),
    case("sub", dest="/file"),
    case("a.txt", dest="/outside/x"),
    case("a.txt", dest="/app/sub"),
    case("sub", dest="/app/a.txt"),
    case("a.txt", "b.txt", "sub", dest="/app/"),
    case("*.txt", dest="/new/"),
    case("*.txt", dest="/new"),
    case("*", dest="/new/"),
    case("*/one", dest="/new/"),
    case("*/*", dest="/new/"),
    case("*link", dest="/new/"),
    case("[ab].*", dest="/new/"),
    case("?.md", dest="/new"),
    case("no*", dest="/new/"),
    case("no*", "a.txt", dest="/new/"),
    case("missing", dest="/new"),
    case("sub/missing", dest="/new"),
    case("../a.txt", dest="/new"),
    case("sub/../a.txt", dest="/new/"),
    case("tolink/one", dest="/new/"),
    case("tolink/../a.txt", dest="/new/"),
    case("a.txt", "sub", dest="/app/", chown="7"),
    case("a.txt", "sub", dest="/p/q/", chown="7:8"),
    case("sub", dest="/new", chown="web"),
    case("sub", dest="/app", chown="web:staff"),
    case("sub", dest="/new/x", chown=":staff"),
    case("sub", "a.txt", dest="/new/", chmod="640"),
    case("sub", dest="/p/q", chmod="1750"),
    case("sub", dest="/app", chmod="755"),
    case("a.txt", dest="/p/q/r/", chmod="600"),
    case(".", dest="/new", chmod="u=rwX,go=rX"),
    case("b.txt", "c.md", dest="/new/", chmod="g+w,o="),
    case("sub", dest="/new/x", link=True),
    case("sub", dest="/app", link=True),
    case("a.txt", dest="/lib/x/", link=True),
    case("sub", dest="/p/q/", link=True, chmod="644"),
    case("a.txt", dest="/new/", link=True, chown="5:6"),
    case(InlineFile("one.sh", "echo\n"), "a.txt", dest="/new/"),
    case(InlineFile("x", "content\n"), dest="/new", chmod="755", chown="3"),
    case(".", dest="/new", ignore="*.txt\nsub/deep\n"),
    case(".", dest="/new", ignore="*\n!sub/deep/two\n!*.md\n"),
    case(".", dest="/new", ignore="**/two\nhard\n!hard/z\n"),
    case("sub", dest="/new", ignore="sub\n!sub/*e\n"),
    case("a.txt", dest="/new", ignore="*.txt\n"),
    case("filelink", dest="/new", ignore="a.txt\n"),
    case(".", dest="/new", context={"s": "socket", "p": "pipe", "f": "", "empty@711": "/"}),
    case("dangling", dest="/new", context={"dangling": "-> nothing"}),
    case("dang*", dest="/new/", context={"dangling": "-> nothing", "dangle": "x"}),
    case("d", dest="/new/", context={"d/out": "-> /etc/passwd", "d/up": "-> ../../../x"}),
    case("up", dest="/new", context={"up": "-> ../../../../etc/passwd"}),
    case("round", dest="/new", context={"round": "-> about", "about": "-> round"}),
    case("a b", "ü", dest="/new/", context={"a b": "1", "ü": "2"}),
    *(
        case(source, dest=dest, add=True, context=ARCHIVES)
        for source in ARCHIVES
        for dest in ("/new", "/app/", "/")
    ),
    case("[abc].t*", dest="/new/", add=True, context=ARCHIVES),
    case("a.tar", dest="/new", add=True, context=ARCHIVES, chown="web:staff"),
    case("a.tar", dest="/p/q", add=True, context=ARCHIVES, chmod="700"),
    case("a.tar", dest="/file", add=True, context=ARCHIVES),
    case("a.tar", dest="/lib", add=True, context=ARCHIVES),
    case("a.tar", dest="/new", add=True, context=ARCHIVES, link=True),
    case(".", dest="/new", add=True, context=ARCHIVES),
]


@pytest.mark.parametrize(("sources", "dest", "add", "context", "ignore", "flags"), CASES)
def test_the_trees_are_equal(engine, tmp_path, sources, dest, add, context, ignore, flags):
    here, image = tmp_path / "context", tmp_path / "image"
    for directory, files in ((here, context), (image, IMAGE)):
        directory.mkdir()
        put(directory, files)
    if ignore:
        (tmp_path / "Dockerfile.dockerignore").write_text(ignore)
    theirs = build(engine, tmp_path, instruction(sources, dest, add, flags))
    items = tuple(ContextPath(item) if isinstance(item, str) else item for item in sources)
    operation = (Add if add else Copy)(origin=FromContext(), sources=items, dest=dest, **flags)
    ours = carry_out(tmp_path, operation)
    if isinstance(theirs, str) or isinstance(ours, str):
        assert isinstance(theirs, str), f"the engine did it, but we said: {ours}"
        assert isinstance(ours, str), f"we did it, but the engine said: {theirs}"
    else:
        assert ours[1] == theirs[1]
        different = {
            path for path in ours[0].keys() | theirs[0].keys() if ours[0].get(path) != theirs[0].get(path)
        }
        assert {path: ours[0].get(path) for path in different} == {
            path: theirs[0].get(path) for path in different
        }


def instruction(sources, dest, add, flags):
    words = ["ADD" if add else "COPY"]
    words += [f"--{name}" if value is True else f"--{name}={value}" for name, value in flags.items()]
    names = [item for item in sources if isinstance(item, str)]
    bodies = [item for item in sources if isinstance(item, InlineFile)]
    if not bodies:
        return " ".join([*words, json.dumps([*names, dest], ensure_ascii=False)]) + "\n"
    text = " ".join([*words, *(f"<<{body.name}" for body in bodies), *names, dest]) + "\n"
    return text + "".join(f"{body.content}{body.name}\n" for body in bodies)


def build(engine, place, line):
    """The tree that the engine makes, or what it says where it refuses."""
    (place / "Dockerfile").write_text(f"FROM scratch\nCOPY --from=image / /\n{line}", encoding="utf-8")
    output = place / "theirs.tar"
    command = [engine["buildx"], "build"] if engine["buildx"] else [engine["docker"], "build"]
    command += ["-f", str(place / "Dockerfile"), "--build-context", f"image={place / 'image'}"]
    done = subprocess.run(
        [*command, "--output", f"type=tar,dest={output}", str(place / "context")],
        env={**os.environ, "DOCKER_HOST": engine["host"], "DOCKER_BUILDKIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr[-2000:]
    tree = {}
    groups = {}
    with tarfile.open(output) as archive:
        for member in archive:
            path = member.name.strip("/")
            if member.islnk():
                first = member.linkname.strip("/")
                groups.setdefault(first, {first}).add(path)
                tree[path] = tree[first]
                continue
            content = archive.extractfile(member).read() if member.isreg() else member.linkname
            xattrs = {k[13:]: v for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")}
            mtime = None if member.isdir() else int(member.mtime)
            mode = None if member.issym() else member.mode & 0o7777
            tree[path] = (letter(member), mode, member.uid, member.gid, content, xattrs, mtime)
    return finished(tree, groups.values())


def letter(member):
    kinds = {"d": member.isdir, "l": member.issym, "p": member.isfifo, "c": member.ischr, "-": member.isreg}
    return next(name for name, test in kinds.items() if test())


def carry_out(place, operation):
    """The same by us."""
    root = place / "ours"
    subprocess.run(["cp", "-a", str(place / "image"), str(root)], check=True)
    try:
        ignore = load_ignore_file(str(place / "context"), str(place / "Dockerfile"))
        with ContextTree(str(place / "context"), ignore) as tree, ContextTree(str(root)) as users:
            plan = resolve_copy(operation, tree)
            if is_linked(operation):
                layer = place / "layer"
                layer.mkdir()
                apply_copy(plan, str(layer), users)
                lay_over(layer, root)
            else:
                apply_copy(plan, str(root), users)
    except (SourceError, StepError, InputError) as error:
        return error.message
    tree, names = {}, {}
    for directory, inner, files in os.walk(root):
        for name in [*inner, *files]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            shown = os.path.relpath(path, root)
            kind = stat.filemode(status.st_mode)[0]
            content = Path(path).read_bytes() if kind == "-" else os.readlink(path) if kind == "l" else ""
            xattrs = {
                key: os.getxattr(path, key, follow_symlinks=False).decode()
                for key in os.listxattr(path, follow_symlinks=False)
            }
            mtime = None if kind == "d" else int(status.st_mtime)
            mode = None if kind == "l" else stat.S_IMODE(status.st_mode)
            tree[shown] = (kind, mode, status.st_uid, status.st_gid, content, xattrs, mtime)
            if kind == "-":
                names.setdefault(status.st_ino, set()).add(shown)
    return finished(tree, [group for group in names.values() if len(group) > 1])


def lay_over(layer, root):
    """What an overlay mount would show of ``layer`` on ``root``."""
    for directory, names, files in os.walk(layer):
        for name in [*names, *files]:
            path = Path(directory, name)
            target = root / path.relative_to(layer)
            if target.is_symlink() or (target.exists() and not (target.is_dir() and path.is_dir())):
                subprocess.run(["rm", "-rf", str(target)], check=True)
    subprocess.run(["cp", "-a", "--no-target-directory", str(layer), str(root)], check=True)


def finished(tree, groups):
    now = time.time()
    entries = {
        path: (*fields[:6], None if fields[6] and fields[6] > now - 3600 else fields[6])
        for path, fields in tree.items()
    }
    return entries, sorted(sorted(group) for group in groups)
