"""Steps that depend on something, an edit of it after which they must run again, and one after which they need not.

Each works in a directory of its own, which was copied from the build context, and leaves its findings in ``$OUT``.
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CASES", "Case", "Edit"]

Edit = Callable[[Path], object]
TIME = 1_600_000_000


@dataclass(frozen=True)
class Case:
    """``misses`` are edits after which the step has to run again, ``hits`` those after which it must not."""

    step: str
    make: Edit
    misses: tuple[Edit, ...]
    hits: tuple[Edit, ...] = ()
    mount: str = field(default="")


def write(name: str, text: str, mode: int = 0o644) -> Edit:
    def edit(at: Path) -> None:
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            path.unlink()
        path.write_text(text)
        path.chmod(mode)

    return edit


def after(*edits: Edit) -> Edit:
    def edit(at: Path) -> None:
        for each in edits:
            each(at)

    return edit


def chmod(name: str, mode: int) -> Edit:
    return lambda at: (at / name).chmod(mode)


def symlink(name: str, target: str) -> Edit:
    def edit(at: Path) -> None:
        remove(name)(at)
        (at / name).symlink_to(target)

    return edit


def remove(name: str) -> Edit:
    def edit(at: Path) -> None:
        path = at / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    return edit


def mkdir(name: str) -> Edit:
    return lambda at: (at / name).mkdir(parents=True)


def fifo(name: str) -> Edit:
    return lambda at: (remove(name)(at), os.mkfifo(at / name, 0o644))


def link(old: str, new: str) -> Edit:
    return lambda at: (remove(new)(at), os.link(at / old, at / new))


def touch(name: str, time: int) -> Edit:
    return lambda at: os.utime(at / name, (time, time))


def archive(name: str, member: str, text: str) -> Edit:
    """An archive whose member is exactly what the context has under that name."""

    def edit(at: Path) -> None:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            info = tarfile.TarInfo(member)
            info.size, info.mtime, info.mode = len(text), TIME, 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
        (at / name).write_bytes(data.getvalue())

    return edit


def database(name: str, *rows: str) -> Edit:
    def edit(at: Path) -> None:
        remove(name)(at)
        with closing(sqlite3.connect(at / name)) as connection:
            connection.execute("create table names (name text)")
            connection.executemany("insert into names values (?)", [(row,) for row in rows])
            connection.commit()

    return edit


def packages(*names: str) -> str:
    return "".join(
        f"Package: {name}\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"
        f"Maintainer: x\nDescription: x\n\n"
        for name in names
    )


A = write("a", "one")
PYTHON = "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$PWD/lib python3"

CASES: dict[str, Case] = {
    # --- files ---
    "content": Case("cat a", A, (write("a", "two"), remove("a")), (touch("a", TIME), write("b", "x"))),
    "content-of-nothing": Case("cat a", write("a", ""), (write("a", "x"),), (write("a", ""),)),
    "size": Case("stat -c %s a", A, (write("a", "longer"),), (touch("a", TIME), write("b", "x"))),
    "size-by-seek": Case("wc -c <a", A, (write("a", "longer"),)),
    "time": Case(
        "test a -nt b && echo newer || echo older",
        after(A, touch("a", TIME), write("b", "b"), touch("b", TIME + 9)),
        (after(write("a", "ONE"), touch("a", TIME + 99)),),
        (write("c", "x"),),
    ),
    "find-newer": Case(
        "find . -type f -newer stamp | sort",
        after(write("stamp", ""), touch("stamp", TIME), A, touch("a", TIME - 9), write("d/b", "")),
        (after(write("a", "ONE"), touch("a", TIME + 9)), write("d/c", "x")),
    ),
    "mode": Case("stat -c %a a", A, (chmod("a", 0o600),), (write("b", "x"),)),
    "executable": Case("test -x a && echo yes || echo no", A, (chmod("a", 0o755),), (write("b", "x"),)),
    "type": Case("stat -c %F a", A, (fifo("a"), symlink("a", "b"))),
    "exists": Case("test -e a && echo yes || echo no", A, (remove("a"),), (A, write("b", "x"))),
    "hard-links": Case("stat -c %h a", after(A, link("a", "b")), (after(remove("b"), write("b", "one")),)),
    "hard-link-comes": Case("stat -c %h b", after(A, write("b", "one")), (link("a", "b"),)),
    "hard-link-content": Case("cat b", after(A, link("a", "b")), (write("a", "two"),)),
    "same-file": Case(
        "test a -ef b && echo same || echo two",
        after(A, write("b", "one")),
        (link("a", "b"),),
        (write("c", ""),),
    ),
    "odd-names": Case("cat \"$(printf 'a\\nb é *')\"", write("a\nb é *", "1"), (write("a\nb é *", "2"),)),
    # --- directories ---
    "listing": Case("ls d", write("d/a", "1"), (write("d/b", "2"), remove("d/a")), (write("d/b", "3"),)),
    "listing-types": Case("find d -type f", write("d/a", "1"), (symlink("d/a", "x"),)),
    "listing-of-changed": Case(
        "touch d/new && ls d", write("d/a", "1"), (write("d/b", "2"),), (write("d/a", "3"),)
    ),
    "glob": Case("echo *.txt", write("a.txt", ""), (write("b.txt", ""),), (write("a.txt", "longer"),)),
    "glob-below": Case("echo d/*/x", write("d/a/x", ""), (write("d/b/x", ""),), (write("d/a/y", "y"),)),
    "recursive": Case(
        "grep -r word . | sort", write("d/e/a", "word"), (write("d/e/b", "a word"), remove("d/e/a"))
    ),
    "directory-becomes-link": Case(
        "cat d/a", after(write("d/a", "1"), write("e/a", "1")), (after(remove("d"), symlink("d", "e")),)
    ),
    "directory-mode": Case("cd d && cat a", write("d/a", "1"), (chmod("d", 0o700),)),
    # --- links ---
    "link-target": Case(
        "readlink l", after(A, symlink("l", "a")), (symlink("l", "b"),), (write("a", "longer"), remove("a"))
    ),
    "link-followed": Case(
        "cat l",
        after(A, write("b", "two"), symlink("l", "a")),
        (write("a", "1"), symlink("l", "b")),
        (write("c", ""),),
    ),
    "link-in-the-middle": Case(
        "cat l/../x",
        after(write("d/e/f", ""), write("d/x", "1"), write("g/x", "2"), mkdir("g/h"), symlink("l", "d/e")),
        (symlink("l", "g/h"),),
    ),
    "dangling-link": Case("cat l || echo none", symlink("l", "a"), (write("a", "1"),), (write("b", "1"),)),
    # --- what is not there ---
    "no-settings": Case(
        "cat .npmrc || echo none",
        A,
        (write(".npmrc", "x"),),
        (remove(".npmrc"), write("b", "")),
    ),
    "search-path": Case(
        "PATH=$PWD/one:$PWD/two:$PATH; tool",
        after(mkdir("one"), write("two/tool", "#!/bin/sh\necho two\n", 0o755)),
        (write("one/tool", "#!/bin/sh\necho one\n", 0o755),),
        (write("one/other", "x"),),
    ),
    "no-such-directory": Case("cat x/y/z || echo none", A, (write("x/y/z", "1"),), (write("y", "1"),)),
    "sitecustomize": Case(
        f"{PYTHON} -c 'import thing'",
        write("lib/thing.py", "print(1)"),
        (write("lib/sitecustomize.py", "print(2)"),),
        (write("lib/sitecustomize.py", "print(2)"),),
    ),
    "unread-module": Case(
        f"{PYTHON} -c 'import thing'",
        after(write("lib/thing.py", "print(1)"), write("lib/unused.py", "1")),
        (write("lib/thing.py", "print(2)"),),
        (write("lib/unused.py", "22"),),
    ),
    # --- programs ---
    "interpreter": Case(
        "./script",
        after(write("script", "#!{at}/sh\n", 0o755), write("sh", "#!/bin/sh\necho 1\n", 0o755)),
        (write("sh", "#!/bin/sh\necho 2\n", 0o755),),
        (write("other", ""),),
    ),
    "library-path": Case(
        "LD_LIBRARY_PATH=$PWD/lib cat a || echo broken",
        after(A, write("lib/x", "")),
        (write("lib/libc.so.6", "no library"),),
        (write("lib/libother.so", "x"),),
    ),
    "process-chain": Case(
        'sh -c \'exec sh -c "exec env sh -c \\"exec cat a\\""\'', A, (write("a", "2"),), (write("b", ""),)
    ),
    "many-processes": Case(
        "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done; /bin/cat a", A, (write("a", "2"),)
    ),
    "left-behind": Case("(sleep 0.1; cat a >$OUT.late) & wait", A, (write("a", "2"),)),
    "another-user": Case(
        "setpriv --reuid 1000 --regid 1000 --clear-groups cat a || echo denied",
        after(A, chmod("a", 0o600)),
        (chmod("a", 0o604),),
        (write("b", ""),),
    ),
    "set-user": Case(
        "cp /usr/bin/stat mine; chmod u+s mine; setpriv --reuid 1000 --regid 1000 --clear-groups ./mine -c %s d/a",
        after(write("d/a", "1"), chmod("d", 0o700)),
        (write("d/a", "22"),),
    ),
    "chroot": Case(
        "mkdir -p r/bin && cp /probe r/bin/ && chroot r /bin/probe read /a",
        write("r/a", "1"),
        (write("r/a", "2"),),
    ),
    # --- changes ---
    "append": Case("echo more >>a", A, (write("a", "two"),), (write("b", ""),)),
    "edit-in-place": Case("sed -i s/one/two/ a", write("a", "one 1"), (write("a", "one 2"),)),
    "mode-changed": Case("chmod 600 a", A, (write("a", "two"),)),
    "owner-changed": Case("chown -R 5:6 d", write("d/a", "1"), (write("d/a", "2"), write("d/b", "3"))),
    "touched": Case("touch -d @77 a", A, (write("a", "two"),)),
    "linked": Case("ln a b", A, (write("a", "two"),)),
    "moved": Case("mv a b", A, (write("a", "two"),)),
    "directory-moved": Case("mv d e", write("d/a/b", "1"), (write("d/a/b", "2"), write("d/c", "3"))),
    "copied": Case(
        "cp -a d e", write("d/a", "1"), (write("d/a", "2"), chmod("d/a", 0o600), symlink("d/b", "a"))
    ),
    "removed": Case("unlink a", A, (), (write("a", "longer"),)),
    "directory-removed": Case(
        "rm -r d", write("d/a/b", "1"), (write("d/a/c", "3"), write("d/e", "")), (write("d/a/b", "longer"),)
    ),
    "directory-anew": Case(
        "rm -r d && mkdir d && echo 1 >d/n",
        write("d/a", "1"),
        (write("d/b", "2"),),
        (write("d/a", "longer"), write("d/b", "longer")),
    ),
    "replaced": Case(
        'python3 -c \'import os; os.replace("new", "a")\'',
        after(A, write("new", "new")),
        (write("new", "newer"), chmod("new", 0o600)),
        (write("a", "two two"),),
    ),
    "restored": Case(
        "python3 -c 'import tarfile; tarfile.open(\"t\").extractall()'",
        after(A, touch("a", TIME), archive("t", "a", "one")),
        (write("a", "two"),),
    ),
    "swapped": Case("/probe exchange $PWD/a", A, (write("a", "two"),), (write("b", ""),)),
    "mapped": Case("/probe write_mapped $PWD/a", A, (write("a", "two"),)),
    "truncated": Case("/probe truncate $PWD/a", A, (write("a", "other"),)),
    "overwritten": Case("echo 1 >a", A, (chmod("a", 0o600),), (write("b", ""),)),
    "changed-below-changed": Case(
        "mkdir d/new && echo 1 >d/new/f",
        write("d/a", "1"),
        (chmod("d", 0o750), write("d/new/x", "")),
        (write("d/a", "22"),),
    ),
    # --- databases ---
    "sqlite": Case(
        'python3 -I -c \'import sqlite3; c = sqlite3.connect("db"); '
        'c.execute("insert into names select max(name) || 1 from names"); c.commit()\'',
        database("db", "a", "b"),
        (database("db", "a", "c"),),
        (write("db.bak", "x"),),
    ),
    "dpkg": Case(
        "dpkg-query --admindir=$PWD/db -W",
        after(write("db/status", packages("a", "b")), write("db/info/format", "1\n"), mkdir("db/updates")),
        (write("db/status", packages("a", "c")),),
        (write("db/other", "x"),),
    ),
    # --- bind mounts ---
    "bind": Case(
        "cat /m/a; ls /m/d",
        after(A, write("d/x", "1")),
        (write("a", "two"), write("d/y", "")),
        (write("d/x", "22"), write("c", "x")),
        "source={at}",
    ),
    "bind-file": Case("cat /m", A, (write("a", "two"),), (write("b", ""),), "source={at}/a"),
    "bind-written": Case(
        "echo more >>/m/a; cat /m/a; rm /m/b",
        after(A, write("b", "")),
        (write("a", "two"),),
        (write("c", ""),),
        "source={at},rw",
    ),
    "bind-of-a-stage": Case(
        "cat /m/a", A, (write("a", "two"),), (write("b", ""), write("d/x", "")), "from=inputs,source=/c/{at}"
    ),
    "bind-of-a-stage-written": Case(
        "mv /m/a /m/b; cat /m/b", A, (write("a", "two"),), (write("c", ""),), "from=inputs,source=/c/{at},rw"
    ),
    "bind-through-a-link": Case(
        "cat /m/a",
        after(write("d/a", "1"), write("e/a", "2"), symlink("l", "d")),
        (write("d/a", "11"), symlink("l", "e")),
        (write("e/b", "x"),),
        "from=inputs,source=/c/{at}/l",
    ),
    "bind-modes": Case(
        "setpriv --reuid 1000 --regid 1000 --clear-groups cat /m/a || echo denied",
        after(A, chmod("a", 0o600)),
        (chmod("a", 0o644),),
        (),
        "from=inputs,source=/c/{at}",
    ),
}
