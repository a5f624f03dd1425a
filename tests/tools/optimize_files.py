"""Optimise many Dockerfiles, with facts made up for each, and check what must hold of every rewrite.

    python tests/tools/optimize_files.py DIR [--every 10] [--jobs 2] [--show 40]

Each file is rewritten three times: with nothing known, at -O1 and at -O2 with facts that are invented from its text:
a context that holds what it copies and the manifests of its tools, and, for some steps, what they were "seen" to read
and write. That is not the truth about any build; the laws hold all the same. Prints counts by pass, the slowest files,
and a diff of every file of which a law does not hold; with ``--show``, so many diffs of others.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import random
import re
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from optimizing import optimize_text

from layerc.compiler.optimize.manager import Result
from layerc.grammar.errors import LayercError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

__all__ = ["Outcome", "broken_laws", "invented", "try_file"]

MANIFESTS = {
    "package.json": '{"name": "x", "version": "1.0.0", "dependencies": {"left-pad": "1.3.0"}}',
    "package-lock.json": '{"name": "x", "lockfileVersion": 3, "packages": {"": {"name": "x"}}}',
    "yarn.lock": "",
    "pnpm-lock.yaml": "",
    "requirements.txt": "flask==3.0\n",
    "pyproject.toml": "[project]\nname = 'x'\nversion = '1'\n",
    "poetry.lock": "",
    "Pipfile": "",
    "Pipfile.lock": "{}",
    "go.mod": "module x\n",
    "go.sum": "",
    "Gemfile": "",
    "Gemfile.lock": "",
    "composer.json": "{}",
    "composer.lock": "{}",
    "pom.xml": "<project/>",
    "build.gradle": "",
    "Cargo.toml": "[package]\nname = 'x'\n",
    "Cargo.lock": "",
    "Makefile": "all:\n",
}
SOURCES = ("README.md", "src", "src/main.js", "src/app.py", "lib", "lib/a.rb", "main.go", "index.js", ".env")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*\Z", re.ASCII)
_ABOVE = tuple(f"/{name}" for name in ("app", "src", "usr/src/app", "code", "opt", "etc", "usr/local", "tmp"))


class Outcome(NamedTuple):
    """``broken`` are the laws that do not hold, in words; ``passes`` counts changes by pass and level."""

    broken: tuple[str, ...]
    passes: Mapping[str, int]
    seconds: float
    diffs: tuple[str, ...] = ()
    refused: bool = False


def invented(text: str) -> dict[str, Any]:
    """Facts as :mod:`optimizing` takes them, always the same for a text."""
    source = random.Random(zlib.crc32(text.encode("utf-8", "surrogateescape")))
    paths = {*MANIFESTS, *SOURCES} | set(source.sample(sorted(MANIFESTS), 3))
    runs = []
    for each in parse(SourceFile("Dockerfile", text)).instructions:
        if each.keyword in ("COPY", "ADD") and not any(flag.name == "from" for flag in each.flags):
            paths |= {word.removeprefix("./").rstrip("/") for word in each.args[:-1] if _PATH.match(word)}
        if each.keyword == "RUN":
            runs.append(" ".join(each.text.split()))
    folders = {path.rpartition("/")[0] for path in paths}
    for folder in list(folders):
        while folder := folder.rpartition("/")[0]:
            folders.add(folder)
    folders = (folders | {"src", "lib"}) - {""}
    context = [
        {"path": path, "kind": "directory" if path in folders else "file", "size": 100}
        for path in sorted((paths | folders) - {"", ".", ".."})
        if "//" not in path and "/." not in path
    ]
    observed = [_observed(run, source) for run in dict.fromkeys(runs) if source.random() < 0.4]
    commits = [{"paths": source.sample(sorted(paths), 3)} for _ in range(5)]
    return {"context": context, "manifests": MANIFESTS, "observed": observed, "commits": commits}


def _observed(run: str, source: random.Random) -> dict[str, Any]:
    names = [f"{above}/{name}" for above in _ABOVE for name in (*MANIFESTS, *SOURCES)]
    return {
        "step": run,
        "reads": ["/bin/sh", *source.sample(names, 4)],
        "lists": source.sample(_ABOVE, source.randint(0, 1)),
        "writes": source.sample([f"{above}/made-{n}" for above in _ABOVE for n in "123"], 2),
        "directories": source.sample(_ABOVE, 1),
        "seconds": source.choice((0.1, 2.0, 60.0)),
    }


def broken_laws(given: str, result: Result, again: Result) -> Iterator[str]:
    """What does not hold of a rewrite, in words. ``again`` is what came of optimising it once more."""
    after = result.draft.text
    yield from (f"bug in {problem.of}: {problem.what}" for problem in result.problems)
    if again.draft.text != after or again.changes:
        yield f"no fixed point: {[change.what for change in again.changes]}"
    if bool(result.changes) != (after != given):
        yield f"{len(result.changes)} changes, but the text is {'an' if after != given else 'the same'} other"
    named = {key for change in result.changes for key in change.steps}
    texts = Counter(each.text.rstrip("\r\n") for each in parse(SourceFile("Dockerfile", given)).instructions)
    for step in result.draft.every:
        bare = step.text.rstrip("\r\n")
        if not texts[bare] and step.key not in named:
            stripped = any(bare.strip() == text.strip().rstrip("\\`").strip() for text in texts)
            if not stripped:
                yield f"nobody tells of {bare!r}"
        texts[bare] -= 1
    comments = Counter(line.strip() for line in given.splitlines() if line.lstrip().startswith("#"))
    new = Counter(line.strip() for line in after.splitlines() if line.lstrip().startswith("#")) - comments
    if new:
        yield f"comments that were not there: {list(new)[:3]}"


def try_file(data: bytes, show: bool = False) -> Outcome:
    """Rewrite one file thrice."""
    source = SourceFile.from_bytes("Dockerfile", data)
    broken: list[str] = []
    passes: Counter[str] = Counter()
    diffs: list[str] = []
    slowest = 0.0
    try:
        facts = invented(source.text)
        tries = (("nothing known", {}, 1), ("-O1", facts, 1), ("-O2", facts, 2))
        for title, case, level in tries:
            started = time.process_time()
            result = optimize_text(source, case, level)
            slowest = max(slowest, time.process_time() - started)
            again = optimize_text(SourceFile("Dockerfile", result.draft.text), case, level)
            found = list(broken_laws(source.text, result, again))
            broken += (f"{title}: {each}" for each in found)
            passes.update(f"{title} {name}" for name in {change.of for change in result.changes})
            passes[f"{title} any"] += bool(result.changes)
            if (found or show) and result.changes:
                told = "".join(f"# {change.of}: {change.what}: {change.why}\n" for change in result.changes)
                diffs.append(f"=== {title}\n{told}{_diff(source.text, result.draft.text)}")
    except LayercError:
        return Outcome((), {}, slowest, refused=True)
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        broken.append(f"{type(error).__name__}: {error}")
    return Outcome(tuple(broken), passes, slowest, tuple(diffs))


def _diff(before: str, after: str) -> str:
    return "\n".join(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=4)) + "\n"


def _try_path(path: str) -> Outcome:
    return try_file(Path(path).read_bytes(), show=os.environ.get("SHOW") == "1")


def main(words: Sequence[str]) -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take one file of so many")
    parser.add_argument("--first", type=int, default=0, help="the number of the first that is taken")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--show", type=int, default=0, help="diffs of files that are right, one of each kind first"
    )
    chosen = parser.parse_args(words)
    if chosen.show:
        os.environ["SHOW"] = "1"
    paths = sorted(str(path) for path in chosen.folder.rglob("*") if path.is_file())
    paths = paths[chosen.first :: chosen.every]
    passes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    times: list[tuple[float, str]] = []
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for path, outcome in zip(paths, pool.map(_try_path, paths, chunksize=20), strict=True):
            counts["files"] += 1
            counts["refused"] += outcome.refused
            counts["broken"] += bool(outcome.broken)
            passes.update(outcome.passes)
            times.append((outcome.seconds, path))
            shown = bool(outcome.diffs) and counts["shown"] < chosen.show
            if outcome.broken or shown:
                counts["shown"] += 1
                print(f"##### {path}", *outcome.broken, *outcome.diffs, sep="\n", flush=True)
    seconds = sorted((each for each, _ in times), reverse=True)
    print(json.dumps({**counts, **dict(sorted(passes.items()))}, indent=1))
    print(f"processor time of a rewrite: median {seconds[len(seconds) // 2] * 1000:.0f} ms; slowest:")
    for each, path in sorted(times, reverse=True)[:5]:
        print(f"{each:8.2f} s  {path}")
    return int(bool(counts["broken"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
