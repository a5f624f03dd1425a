"""Programs that people run in steps: an edit of what they do not read runs nothing again, an edit of what they read
does, and either way the image is what a clean build that nothing observes makes of it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from layerc.compiler.options import CompileOptions, NamedContext
from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import BuildRequest, BuildResult
from layerc.runtime.events import Event, StepStarted
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

Edit = Callable[[Path], object]
Bases = Mapping[str, Mapping[str, str]]


# --- edits -------------------------------------------------------------------------------------------


def put(name: str, content: str) -> Edit:
    """Make or replace a file."""

    def edit(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)

    return edit


def append(name: str, content: str) -> Edit:
    """Add to a file, whose mode stays."""

    def edit(root: Path) -> None:
        with (root / name).open("a") as file:
            file.write(content)

    return edit


def chmod(name: str, mode: int) -> Edit:
    """Set a mode."""
    return lambda root: (root / name).chmod(mode)


def remove(name: str) -> Edit:
    """Remove a file."""
    return lambda root: (root / name).unlink()


def make_unread(root: Path) -> None:
    """What no program reads, beside the Dockerfile."""
    put("notes/today.txt", "notes\n")(root)
    put("notes/script", "#!/bin/sh\n")(root)


UNREAD = {
    "a file": append("notes/today.txt", "more notes\n"),
    "a mode": chmod("notes/script", 0o700),
    "a new file": put("notes/tomorrow.txt", "notes\n"),
    "a comment in the Dockerfile": append("Dockerfile", "# a comment\n"),
}


# --- contexts ----------------------------------------------------------------------------------------


def write_wheel(folder: Path, name: str, version: str, source: str) -> None:
    """A wheel of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}\n")
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}-{version}-py3-none-any.whl").write_bytes(made.getvalue())


def make_pip(root: Path) -> None:
    for number in "12":
        write_wheel(root / "wheels", "tally", f"{number}.0", f"VERSION = {number}\n")
    put("requirements.txt", "tally==1.0\n")(root)
    put("main.py", "import tally\nprint(tally.VERSION)\n")(root)


def make_npm(root: Path) -> None:
    manifest = {
        "name": "clock",
        "version": "1.0.0",
        "workspaces": ["packages/*"],
        "dependencies": {"hours": "*"},
    }
    packages = {
        "": manifest,
        "node_modules/hours": {"resolved": "packages/hours", "link": True},
        "packages/hours": {"version": "1.0.0"},
    }
    lock = {"name": "clock", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}
    put("package.json", json.dumps(manifest, indent=2))(root)
    put("package-lock.json", json.dumps(lock, indent=2))(root)
    put("index.js", "console.log(require('hours')(5));\n")(root)
    put("packages/hours/package.json", '{"name": "hours", "version": "1.0.0"}\n')(root)
    put("packages/hours/index.js", "module.exports = (minutes) => minutes / 60;\n")(root)


def make_c(root: Path) -> None:
    put("Makefile", "CFLAGS = -O1 -Ifirst -Isecond\nprogram: main.o other.o\n\t$(CC) -o $@ $^\n")(root)
    put("main.c", '#include "number.h"\nint other(void);\nint main(void) { return NUMBER - other(); }\n')(
        root
    )
    put("other.c", "int other(void) { return 1; }\n")(root)
    put("first/unused.h", "#define UNUSED 1\n")(root)
    put("second/number.h", "#define NUMBER 1\n")(root)


def make_modules(root: Path) -> None:
    put("README", "")(root)
    for number in range(4):
        put(f"package/module{number}.py", f"NUMBER = {number}\n")(root)


def make_repository(root: Path) -> None:
    copy_program(root, "git")
    put("work/a.txt", "a\n")(root)
    put("work/b.txt", "b\n")(root)
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), **COMMITTED}
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git", *words], cwd=root / "work", env=environment, check=True)


COMMITTED = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "n"), ("EMAIL", "e@example.org"), ("DATE", "2024-01-01T00:00:00Z"))
}


def copy_program(root: Path, name: str) -> None:
    """A program of this machine with the libraries that it loads, and a busybox."""
    program = shutil.which(name)
    assert program is not None
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for path in [program, *re.findall(r"(/\S+) \(0x", said)]:
        (root / "root" / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / "root" / path[1:])
    (root / "root/bin").mkdir(exist_ok=True)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", root / "root/bin/sh")


def make_package(root: Path) -> None:
    write_package(root, "1")
    put("config/dpkg.cfg.d/.keep", "")(root)


def write_package(root: Path, version: str) -> None:
    put("package/DEBIAN/control", CONTROL.format(version))(root)
    put("package/usr/share/thing/file", f"{version}\n")(root)
    script = root / "package/DEBIAN/postinst"
    script.write_text("#!/bin/sh\nset -e\nls /usr/share/thing > /var/lib/thing.list\n")
    script.chmod(0o755)
    (root / "debs").mkdir(exist_ok=True)
    words = ["dpkg-deb", "--root-owner-group", "--build", root / "package", root / "debs/thing.deb"]
    subprocess.run(
        words, capture_output=True, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    )
    shutil.rmtree(root / "package")


CONTROL = (
    "Package: thing\nVersion: {}\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: thing\n"
)


def make_database(root: Path) -> None:
    put("schema.sql", "CREATE TABLE t (n INTEGER);\nINSERT INTO t VALUES (1);\n")(root)
    put("insert.py", INSERT)(root)
    put("report.py", "print('not part of it')\n")(root)


INSERT = """\
import sqlite3
base = sqlite3.connect("/data/base")
base.execute("INSERT INTO t SELECT 1 + max(n) FROM t")
base.commit()
print(base.execute("SELECT * FROM t").fetchall())
"""


# --- cases -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """A project below which the last step runs a program. ``differs``: paths whose content is another one in each
    run, since programs write the time or the numbers of files into it.
    """

    base: str
    text: str
    make: Edit
    unread: Edit
    read: Mapping[str, Edit]
    differs: str = "(?!)"
    needs: str = ""


PYTHON, NODE, GCC = "python:3.11-slim-bookworm", "node:18-bookworm-slim", "gcc:12-bookworm"
DEBIAN = "debian:bookworm-slim"

PROGRAMS = {
    "pip install": Program(
        PYTHON,
        "ENV HOME=/app\nWORKDIR /app\nCOPY . .\n"
        "RUN pip install --no-cache-dir --no-index --find-links=wheels -r requirements.txt\n",
        make_pip,
        unread=append("main.py", "# more\n"),
        read={
            "requirements": put("requirements.txt", "tally==2.0\n"),
            "a configuration appears": put(".config/pip/pip.conf", "[install]\ntarget = /elsewhere\n"),
            "a wheel appears": lambda root: write_wheel(root / "wheels", "other", "1.0", ""),
            "a wheel's mode": chmod("wheels/tally-1.0-py3-none-any.whl", 0o600),
        },
        differs=r"\.pyc$",  # compiled files hold the times of their sources, which were just installed
    ),
    "npm ci": Program(
        NODE,
        "WORKDIR /app\nCOPY . .\nRUN npm ci --offline --no-audit --no-fund --logs-max=0 --cache=/tmp/npm\n",
        make_npm,
        unread=append("index.js", "// more\n"),
        read={
            "manifest": lambda root: (root / "package.json").write_text(
                (root / "package.json").read_text().replace("1.0.0", "1.0.1")
            ),
            "a configuration appears": put(".npmrc", "ignore-scripts=true\n"),
        },
    ),
    "make and gcc": Program(
        GCC,
        "WORKDIR /app\nCOPY . .\nRUN make\n",
        make_c,
        unread=append("first/unused.h", "#define MORE 1\n"),
        read={
            "source": append("other.c", "int more(void) { return 2; }\n"),
            "header": put("second/number.h", "#define NUMBER 3\n"),
            "a header appears earlier": put("first/number.h", "#define NUMBER 4\n"),
            "another makefile appears": put("GNUmakefile", "program:\n\techo > program\n"),
        },
    ),
    "python -m compileall": Program(
        PYTHON,
        "WORKDIR /app\nCOPY . .\nRUN python -m compileall -q package\n",
        make_modules,
        unread=append("README", "read me\n"),
        read={
            "a module": put("package/module1.py", "NUMBER = 10\n"),
            "a module appears": put("package/module9.py", "NUMBER = 9\n"),
            "a module goes": remove("package/module2.py"),
        },
    ),
    "git status": Program(
        "scratch",
        "COPY root /\nCOPY . /src\nWORKDIR /src/work\nENV HOME=/src\n"
        'RUN git config --global safe.directory "*" && git status --porcelain > /status\n',
        make_repository,
        unread=put("other/file", "1\n"),
        read={
            "a file": append("work/a.txt", "more\n"),
            "an untracked file": put("work/new.txt", "new\n"),
            "a file to ignore": put("work/.gitignore", "*.o\n"),
            "a file goes": remove("work/b.txt"),
        },
        differs=r"^src/work/\.git/index$",  # it holds times and numbers of files
        needs="git",
    ),
    "git commit": Program(
        "scratch",
        "COPY root /\nCOPY . /src\nWORKDIR /src/work\nENV HOME=/src "
        + " ".join(f"{name}={value}" for name, value in COMMITTED.items())
        + '\nRUN git config --global safe.directory "*" && git add -A && git commit -q --allow-empty -m two\n',
        make_repository,
        unread=put("other/file", "1\n"),
        read={
            "a file": append("work/a.txt", "more\n"),
            "a hook appears": lambda root: (
                put("work/.git/hooks/pre-commit", "#!/bin/sh\n")(root),
                (root / "work/.git/hooks/pre-commit").chmod(0o755),
            ),
        },
        differs=r"^src/work/\.git/index$",
        needs="git",
    ),
    "dpkg -i": Program(
        DEBIAN,
        "COPY config /etc/dpkg/\nCOPY . /app\nRUN dpkg -i /app/debs/thing.deb\n",
        make_package,
        unread=put("main.c", "int x;\n"),
        read={
            "the package": lambda root: write_package(root, "2"),
            "a configuration appears": put("config/dpkg.cfg.d/more", "path-exclude=/usr/share/thing/*\n"),
        },
        differs=r"^var/log/(dpkg|alternatives)\.log$",
        needs="dpkg-deb",
    ),
    "apt-get install": Program(
        DEBIAN,
        "COPY . /app\nRUN apt-get install -y --no-install-recommends /app/debs/thing.deb\n",
        make_package,
        unread=put("main.c", "int x;\n"),
        read={"the package": lambda root: write_package(root, "2")},
        differs=r"^var/log/|^var/cache/apt/",
        needs="dpkg-deb",
    ),
    "sqlite": Program(
        PYTHON,
        "ENV PYTHONDONTWRITEBYTECODE=1\nWORKDIR /app\nCOPY . .\n"
        "RUN mkdir -p /data && python -c \"import sqlite3; sqlite3.connect('/data/base')"
        ".executescript(open('schema.sql').read())\"\n"
        "RUN python insert.py > /report\n",
        make_database,
        unread=append("report.py", "# more\n"),
        read={
            "the data": append("schema.sql", "INSERT INTO t VALUES (7);\n"),
            "the program": append("insert.py", "print('done')\n"),
        },
    ),
}
READS = [
    pytest.param(program, edit, id=f"{name}-{what}")
    for name, program in PROGRAMS.items()
    for what, edit in program.read.items()
]


# --- building ----------------------------------------------------------------------------------------


class Workshop:
    """Builds contexts in one store, for all cases."""

    def __init__(self, folder: Path, bases: Bases) -> None:
        enter_mount_namespace()
        self.folder = folder
        self.bases = bases
        self.store = Store.open(str(folder / "store"))
        self.ran: list[str] = []

    def build(self, base: str, context: Path, **changes: object) -> BuildResult:
        contexts = {}
        if base != "scratch":
            place = f"oci-layout://{self.bases[base]['layout']}:{self.bases[base]['tag']}"
            contexts[base] = NamedContext(base, "image", place)
        events: list[Event] = []
        request = BuildRequest(None, CompileOptions(contexts=contexts), context=str(context), **changes)
        result = build(request, self.store, events.append)
        self.ran = [event.provenance.title for event in events if isinstance(event, StepStarted)]
        return result

    def differences(self, left: BuildResult, right: BuildResult) -> list[str]:
        """Paths at which two images differ, and how."""
        with (
            mount(self.store, left.images[0].diff_ids, None) as one,
            mount(self.store, right.images[0].diff_ids, None) as other,
        ):
            entries, others = dict(entries_of(one)), dict(entries_of(other))
            found = []
            for path in sorted(entries.keys() | others.keys()):
                if path not in entries or path not in others:
                    found.append(f"{path}: only in the {'incremental' if path in entries else 'clean'} image")
                elif what := difference(f"{one}/{path}", entries[path], f"{other}/{path}", others[path]):
                    found.append(f"{path}: {what}")
            return found


def entries_of(root: str) -> Iterator[tuple[str, os.stat_result]]:
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(os.path.join(root, folder)) as entries:
            for entry in entries:
                path = os.path.join(folder, entry.name)
                yield path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    pending.append(path)


def difference(path: str, one: os.stat_result, other_path: str, other: os.stat_result) -> str:
    for name in ("st_mode", "st_uid", "st_gid", "st_rdev"):
        if getattr(one, name) != getattr(other, name):
            return f"{name} {getattr(one, name):o} | {getattr(other, name):o}"
    if stat.S_ISLNK(one.st_mode):
        return "" if os.readlink(path) == os.readlink(other_path) else "target"
    if not stat.S_ISREG(one.st_mode) or (one.st_ino, one.st_mtime_ns) == (other.st_ino, other.st_mtime_ns):
        return ""  # a file of a layer that both have needs no reading
    return "" if Path(path).read_bytes() == Path(other_path).read_bytes() else "content"


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, bases: Bases) -> Iterator[Workshop]:
    made = Workshop(tmp_path_factory.mktemp("workshop"), bases)
    yield made
    made.store.close()


@pytest.fixture
def prepared(workshop: Workshop, tmp_path: Path) -> Callable[[Program], Path]:
    """Makes a program's context, which has been built once when it returns."""

    def prepare(program: Program) -> Path:
        if program.needs and shutil.which(program.needs) is None:
            pytest.skip(f"no {program.needs}")
        kept = workshop.folder / hashlib.sha256(program.text.encode()).hexdigest()[:8]
        if not kept.exists():
            kept.mkdir()
            make_unread(kept)
            program.make(kept)
            from_line = f"FROM {program.base}\n"
            (kept / "Dockerfile").write_text(from_line + program.text)
            workshop.build(program.base, kept)
        return Path(shutil.copytree(kept, tmp_path / "context", symlinks=True))

    return prepare


def check(workshop: Workshop, program: Program, context: Path, *, runs: bool) -> None:
    """Build ``context`` again: the program runs, or it does not, and what there is then is right."""
    incremental = workshop.build(program.base, context)
    assert [title for title in workshop.ran if title.startswith("COPY")]  # the edit was there to be seen
    assert any(title.startswith("RUN") for title in workshop.ran) == runs, workshop.ran
    clean = workshop.build(program.base, context, no_cache=True, traced=False)
    found = workshop.differences(incremental, clean)
    assert [text for text in found if not re.search(program.differs, text.partition(": ")[0])] == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_edits_of_what_is_not_read(
    workshop: Workshop, prepared: Callable[[Program], Path], name: str
) -> None:
    context = prepared(PROGRAMS[name])
    for edit in (*UNREAD.values(), PROGRAMS[name].unread):
        edit(context)
    check(workshop, PROGRAMS[name], context, runs=False)


@pytest.mark.parametrize(("program", "edit"), READS)
def test_edits_of_what_is_read(
    workshop: Workshop, prepared: Callable[[Program], Path], program: Program, edit: Edit
) -> None:
    context = prepared(program)
    edit(context)
    check(workshop, program, context, runs=True)


@pytest.mark.parametrize("edit", UNREAD)
def test_an_install_below_the_whole_context_is_not_repeated(
    workshop: Workshop, prepared: Callable[[Program], Path], edit: str
) -> None:
    """One at a time, after each of which other builders install again."""
    context = prepared(PROGRAMS["pip install"])
    UNREAD[edit](context)
    workshop.build(PYTHON, context)
    assert workshop.ran == ["COPY . ."]
