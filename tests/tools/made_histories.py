"""Hypothesis strategies for histories: what a Dockerfile's steps may do with a few paths, and what may change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from histories import File, History, State
from hypothesis import strategies as st

__all__ = ["histories"]


PATHS = (
    *(
        "/w/a",
        "/w/b",
        "/w/c",
        "/w/f",
        "/w/g",
        "/w/d/x",
        "/w/d/y",
        "/w/d/s",
        "/w/e/x",
        "/w/e/y",
        "/w/l",
        "/w/d/l",
    ),
    *("/w/d", "/w/e", "/w/n/m/x", "/w/n/x"),
)
FOLDERS = ("/w/d", "/w/e", "/w/n", "/w/l", "/w")
TARGETS = ("a", "d", "x", "d/x", "../a", "/w/b", "/w/d", "/w/e", "nowhere")
MODES = ("600", "644", "755", "700", "1777", "0", "4755")
# What only moves with its time, and is written with one: its times may be read.
TIMED = ("/w/t", "/w/u")

LOOKS = (
    "cat {p}",
    "wc -c < {p}",
    "head -c 1 {p}",
    "test -e {p} && echo there",
    "test -d {p} && echo directory",
    "test -L {p} && echo link",
    "test -s {p} && echo filled",
    "test -x {p} && echo program",
    "test -w {p} && echo writable",
    "test -f {p} && stat -c '%s %h' {p}",
    "stat -c '%a %u:%g %F' {p}",
    "stat -L -c '%a %F' {p}",
    "readlink {p}",
    "readlink -f {p}",
    "sh {p}",
    "{p}",
    "cmp {p} {q}",
    "test {p} -ef {q} && echo same",
    "ls {f}",
    "echo {f}/*",
    "echo {f}/?/*",
    "cd {f} && pwd -P",
    "cat {f}/*",
    "md5sum {f}/* | sort",
    "find {f} | sort",
    "find {f} -type f -perm -100 | sort",
    "find {f} -size -2c -type f | sort",
    "find {f} -type l -exec readlink {{}} \\; | sort",
    "grep -r 1 {f} | sort",
    "test {t} -nt {u} && echo newer",
    "stat -c %Y {t}",
    "find {t} -newer {u}",
    "test {t} -ot {u} && echo older",
    "id -u",
    "echo v$V",
    "env | grep ^V=",
    "sh -c 'echo $V'",
)
CHANGES = (
    "echo {n} > {p}",
    "echo {n} >> {p}",
    "true > {p}",
    "printf {n} > {p}",
    "truncate -s {n} {p}",
    "sed -i s/1/2/ {p}",
    "cp {p} {q}",
    "cp -a {p} {q}",
    "cp -a /w/d/. /w/e",
    "cp -a /w/d/. /w/n",
    "mv {p} {q}",
    "mv {f} {g}",
    "rm -f {p}",
    "rm -rf {p}",
    "rm {f}/*",
    "rm -rf {f} && mkdir {f}",
    "rm -rf {f} && mkdir {f} && echo {n} > {f}/x",
    "mv {f} {f}.old && mkdir {f} && mv {f}.old {f}/old",
    "rmdir {f}",
    "mkdir {p}",
    "mkdir -p {p}",
    "mkdir -p {f}",
    "ln {p} {q}",
    "ln -f {p} {q}",
    "ln -s {target} {p}",
    "ln -sf {target} {p}",
    "ln -sfn {target} {p}",
    "chmod {mode} {p}",
    "chmod {mode} {f}",
    "chmod -R o-rwx {f}",
    "chown 5:6 {p}",
    "chown -R 5 {f}",
    "chown -h 7 {p}",
    "touch {p}",
    "mknod {p} c 1 3",
    "cp -a {p} {p}.new && mv {p}.new {p}",
    "tar c -C /w/d -f /o/tar . && tar x -C {g} -f /o/tar; rm /o/tar",
    "echo {n} > {t}; touch -d @{n}000 {t}",
    "cp -a {t} {u}",
)
COPIES = (
    "COPY [a] [b] /w/",
    "COPY [a] /w/a",
    "COPY [b] /w/e/x",
    "COPY a* [t] /w/",
    "COPY d /w/d",
    "COPY d /w/e",
    "COPY d/[x] /w/l",
    "COPY . /w",
    "COPY [tu] /w/",
    "COPY --chmod=600 [a] /w/b",
    "COPY --chmod=755 d /w/d",
    "COPY --chown=5:6 d/[x] /w/d/y",
    "COPY --link d /w/d",
    "COPY --link [a] /w/b",
    "ADD [a] d/[x] /w/e/",
    "ADD [z] /w/d/",
    "WORKDIR /w/d",
    "WORKDIR /w/n/m",
    "ENV V=1",
    "ENV V=2",
    "ARG V=3",
    "ARG W=1",
    "ARG W=2",
    "USER 5",
    "USER 0",
)
FROM_ONE = (
    "COPY --from=one /w /w",
    "COPY --from=one /w/[d] /w/e",
    "COPY --from=one /w/d/[x] /w/a",
    "COPY --from=one /w/l* /w/[ab] /w/e/",
    "COPY --from=one /o /o",
    "COPY --link --from=one /w/[d] /w/d",
)
MOUNTS = (
    "--mount=source=d,target=/m",
    "--mount=source=.,target=/m",
    "--mount=source=d,target=/m,rw",
    "--mount=source=k,target=/m/x",
    "--mount=source=d,target=/w/n/m",
    "--mount=type=tmpfs,target=/w/e",
)
MOUNTS_OF_ONE = (
    "--mount=from=one,source=/w,target=/m",
    "--mount=from=one,source=/w,target=/m,rw",
    "--mount=from=one,source=/o,target=/w/n",
)
MOUNTED = ("/m/x", "/m/y", "/m", "/m/d/x")
START = "mkdir -p /w/d /w/e /o; chmod 777 /w /w/d /w/e /o"

NAMES = ("a", "b", "d/x", "d/y", "d/s", "e", "ab", "t", "u")
CONTENTS = ("1\n", "2\n", "", "11\n", "echo 1\n", "#!/bin/sh\necho run\n")
CONTEXT_TARGETS = ("a", "d", "x", "../a", "/w/b", "nowhere")
IGNORED = ("b\n", "d/y\n", "d\n!d/x\n", "*\n!a\n!d\n")


def _filled(draw: st.DrawFn, template: str, paths: tuple[str, ...]) -> str:
    t, u = TIMED if draw(st.booleans()) else TIMED[::-1]
    fields = {
        "p": paths,
        "q": paths,
        "f": FOLDERS,
        "g": FOLDERS,
        "n": "123",
        "mode": MODES,
        "target": TARGETS,
    }
    used = {
        name: draw(st.sampled_from(values)) for name, values in fields.items() if f"{{{name}}}" in template
    }
    return template.format(t=t, u=u, **used)


@st.composite
def runs(draw: st.DrawFn, mounts: tuple[str, ...]) -> str:
    """A RUN that looks at a few things and changes a few; it always succeeds, and says what it saw in /o."""
    mount = draw(st.sampled_from(mounts)) + " " if draw(st.integers(0, 4)) == 0 else ""
    paths = PATHS + MOUNTED if mount else PATHS
    commands = [
        _filled(draw, draw(st.sampled_from(draw(st.sampled_from((LOOKS, CHANGES))))), paths)
        for _ in range(draw(st.integers(1, 2)))
    ]
    log = draw(st.sampled_from("123456"))
    between = draw(st.sampled_from(("; ", "; ", " ;  ", "; \\\n  ")))  # other spellings of one script
    errors = draw(st.sampled_from(("2>/dev/null", "2> /dev/null")))  # they tell the order of listings
    return f"RUN {mount}{{ {between.join(commands)}; }} > /o/{log} {errors}; true"


@st.composite
def steps(draw: st.DrawFn, *, last: bool) -> str:
    """One instruction of the first stage, or of the last, which may take from the first."""
    kind = draw(st.integers(0, 9))
    if kind < 6:
        return draw(runs(MOUNTS + MOUNTS_OF_ONE if last else MOUNTS))
    if kind < 8 and last:
        return draw(st.sampled_from(FROM_ONE))
    return draw(st.sampled_from(COPIES))


@dataclass(frozen=True)
class Project:
    """What edits change."""

    one: tuple[str, ...]
    two: tuple[str, ...]
    files: Mapping[str, File]

    def state(self, kept: int) -> State:
        stages = ("FROM base AS one", f"RUN {START}", *self.one, "FROM base", f"RUN {START}", *self.two)
        return State("\n".join(stages) + "\n", self.files, kept)


def files(kinds: tuple[str, ...]) -> st.SearchStrategy[File]:
    """Something for a context."""
    contents = st.sampled_from(CONTENTS)
    made = {
        "file": st.builds(File, st.just("file"), contents, st.sampled_from((0o644, 0o755, 0o600))),
        "directory": st.sampled_from((File("directory", "", 0o755), File("directory", "", 0o700))),
        "symlink": st.sampled_from([File("symlink", target) for target in CONTEXT_TARGETS]),
        "link": st.sampled_from([File("link", name) for name in ("a", "b", "d/x")]),
        "tar": contents.map(lambda content: File("tar", content)),
    }
    return st.one_of([made[kind] for kind in kinds])


def _valid(files: dict[str, File]) -> dict[str, File]:
    """``files`` without what can not be: a name below something that is no directory, a link to what is none."""
    kept = {
        n: f
        for n, f in files.items()
        if "/" not in n or files.get("d", File("directory")).kind == "directory"
    }
    return {
        n: f for n, f in kept.items() if f.kind != "link" or (f.value != n and _is_file(kept.get(f.value)))
    }


def _is_file(file: File | None) -> bool:
    return file is not None and file.kind == "file"


@st.composite
def edited_files(draw: st.DrawFn, before: Mapping[str, File]) -> dict[str, File]:
    """One edit of a context."""
    changed = dict(before)
    match draw(st.integers(0, 9)):
        case 0 | 1 | 2 | 3:  # another content or mode
            name = draw(st.sampled_from(NAMES))
            changed[name] = draw(files(("file",)))
        case 4:  # something else in its place
            name = draw(st.sampled_from((*NAMES, "d", "z")))
            changed[name] = draw(files(("file", "directory", "symlink", "link", "tar")))
        case 5:
            changed.pop(draw(st.sampled_from((*NAMES, "d"))), None)
        case 6:  # a rename, or an exchange
            old, new = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
            if old in changed:
                changed[new], other = changed.pop(old), changed.get(new)
                if other is not None and draw(st.booleans()):
                    changed[old] = other
        case 7:
            if changed.pop(".dockerignore", None) is None:
                changed[".dockerignore"] = File("file", draw(st.sampled_from(IGNORED)))
        case 8:
            changed["z"] = draw(files(("tar",)))
        case 9:
            changed["d"] = draw(files(("directory", "symlink")))
    return _valid(changed)


@st.composite
def edited_steps(draw: st.DrawFn, before: tuple[str, ...], *, last: bool) -> tuple[str, ...]:
    """One edit of a stage."""
    changed = list(before)
    place = draw(st.integers(0, len(changed)))
    kind = draw(st.integers(0, 4))
    if kind == 4 and place < len(changed):  # another spelling
        changed[place] = changed[place].replace("; ", draw(st.sampled_from((" ;", ";  ", "; \\\n "))))
    elif kind == 0 or place == len(changed):
        changed.insert(place, draw(steps(last=last)))
    elif kind == 1:
        changed[place] = draw(steps(last=last))
    elif kind == 2:
        del changed[place]
    elif place:
        changed[place - 1], changed[place] = changed[place], changed[place - 1]
    return tuple(changed)


@st.composite
def histories(draw: st.DrawFn, most: int) -> History:
    """Up to ``most`` states, each an edit or two away from one of those before."""
    beginnings = st.sampled_from(("COPY . /w", "COPY . /w", "COPY d /w/d", "COPY d /w/e", "WORKDIR /w"))
    project = Project(
        (draw(beginnings), *draw(st.lists(steps(last=False), max_size=3))),
        (draw(beginnings), *draw(st.lists(steps(last=True), min_size=2, max_size=7))),
        {
            "k": File("file", "1\n"),
            "d/k": File("file", "1\n"),
            "a": File("file", "1\n"),
            "b": File("file", "2\n"),
            "d/x": File("file", "1\n"),
            "d/y": File("file", "2\n", 0o755),
            "t": File("file", "1\n"),
            "u": File("file", "2\n"),
            "z": File("tar", "1\n"),
        },
    )
    seen = [project]
    states = [project.state(100)]
    for _ in range(draw(st.integers(1, most))):
        for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
            kind = draw(st.integers(0, 9))
            if kind < 5:
                project = replace(project, files=draw(edited_files(project.files)))
            elif kind < 7:
                project = replace(project, one=draw(edited_steps(project.one, last=False)))
            elif kind < 9:
                project = replace(project, two=draw(edited_steps(project.two, last=True)))
            else:
                project = draw(st.sampled_from(seen))
        seen.append(project)
        states.append(project.state(draw(st.sampled_from((100, 100, 100, 100, 100, 100, 100, 100, 100, 60)))))
    return tuple(states)
