"""Compare our parser with the official one on every file below a folder.

    python tests/tools/agree.py DIR [--list] [--jobs N]

The official parser is PyPI's ``dockerfile``, a binding to the Go parser of BuildKit 0.12.5. It accepts more
than the front end does (unknown instructions, any flags …), so :func:`front_end_refuses` says, from the
binding's own output, what the front end refuses afterwards. Compared are: accepted or refused, and for each
instruction keyword, flags, JSON form, values, heredocs, first and last line.

A few rules have changed since 0.12.5 (:data:`RULES`); we follow today's. A difference counts as
explained only when one of these rules has something to say about the very instruction where the results part.

Exit status: 0 when all files agree or are explained, 1 otherwise.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.grammar.syntax import Instruction

KEYWORDS = {
    "add", "arg", "cmd", "copy", "entrypoint", "env", "expose", "from", "healthcheck", "label", "maintainer",
    "onbuild", "run", "shell", "stopsignal", "user", "volume", "workdir",
}  # fmt: skip
SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
BOOL, TEXT, TEXTS = "bool", "text", "texts"
FLAGS: dict[str, dict[str, str]] = {
    "add": {
        "chown": TEXT, "chmod": TEXT, "link": BOOL, "keep-git-dir": BOOL, "checksum": TEXT, "unpack": BOOL,
        "exclude": TEXTS,
    },
    "copy": {"chown": TEXT, "from": TEXT, "chmod": TEXT, "link": BOOL, "exclude": TEXTS, "parents": BOOL},
    "from": {"platform": TEXT},
    "run": {"mount": TEXTS, "network": TEXT, "security": TEXT, "device": TEXTS},
    "healthcheck": {
        "interval": TEXT, "timeout": TEXT, "start-period": TEXT, "start-interval": TEXT, "retries": TEXT,
    },
}  # fmt: skip


@dataclass
class Row:
    """One instruction, as both sides are compared. ``text`` is only shown."""

    keyword: str
    child: str | None
    flags: tuple[str, ...]
    json: bool | None
    values: tuple[str, ...]
    heredocs: tuple[tuple[str, str], ...]
    start: int
    end: int
    text: str = field(default="", compare=False)


@dataclass
class Verdict:
    """``kind`` is ``same``, ``explained`` (by ``rules``) or ``different``."""

    kind: str
    detail: str = ""
    rules: tuple[str, ...] = ()


# --- the official side ------------------------------------------------------------------------------------


def official(path: str) -> list[Row] | str:
    """Rows, or why the official parser refuses the file. Import in a forked worker only."""
    import dockerfile

    try:
        commands = dockerfile.parse_file(path)
    except dockerfile.GoParseError as error:
        return f"parser: {error}"
    return [_official_row(command) for command in commands]


def _official_row(command: Any) -> Row:
    child = command.sub_cmd
    return Row(
        go_lower(command.cmd),
        child and child.upper(),
        command.flags,
        None if child else command.json,
        command.value,
        tuple((doc.name, doc.content) for doc in command.heredocs),
        command.start_line,
        command.end_line,
        command.original,
    )


def go_lower(word: str | None) -> str:
    return "".join("i" if c == "İ" else c.lower() for c in word or "")


def front_end_refuses(rows: list[Row]) -> str | None:
    """What the front end refuses in a file that the official parser has accepted, or none."""
    stages = 0
    for row in rows:
        if row.keyword not in KEYWORDS:
            return f"unknown instruction {row.keyword}"
        reason = _refuses(row)
        if reason:
            return f"line {row.start}: {reason}"
        if row.keyword == "from":
            stages += 1
        elif not stages and row.keyword != "arg":
            return f"line {row.start}: no build stage in current context"
    return None if stages else "no stages"


def _refuses(row: Row) -> str | None:
    keyword, count = row.keyword, len(row.values)
    if count < LEAST.get(keyword, 0) and not row.child:
        return f"{keyword}: {count} arguments"
    check = CHECKS.get(keyword)
    if check is not None and not check(row):
        return f"{keyword} {row.child or ''} {' '.join(row.values)}"
    if keyword in ("arg", "stopsignal") or (keyword == "healthcheck" and row.values[0].upper() == "NONE"):
        return None
    return _refuses_flags(row)


def _is_from(row: Row) -> bool:
    values = row.values
    if len(values) == 3 and values[1].casefold() == "as":
        return re.fullmatch(r"[a-z][a-z0-9-_.]*", go_lower(values[2])) is not None
    return len(values) == 1


def _is_health(row: Row) -> bool:
    kind, count = row.values[0].upper(), len(row.values)
    return (kind == "NONE" and count == 1) or (kind == "CMD" and count > 1)


LEAST = dict.fromkeys(
    [
        "arg",
        "env",
        "expose",
        "healthcheck",
        "label",
        "maintainer",
        "onbuild",
        "shell",
        "stopsignal",
        "user",
        "volume",
    ],
    1,
) | {"add": 2, "copy": 2, "workdir": 1}
CHECKS: dict[str, Callable[[Row], bool]] = {
    "add": lambda row: not _opens_heredoc(row.values[-1]),
    "arg": lambda row: not any(value.startswith("=") for value in row.values),
    "copy": lambda row: not _opens_heredoc(row.values[-1]),
    "env": lambda row: "" not in row.values[::2],
    "from": _is_from,
    "healthcheck": _is_health,
    "label": lambda row: "" not in row.values[::2],
    "onbuild": lambda row: (row.child or "ONBUILD") not in ("ONBUILD", "FROM", "MAINTAINER"),
    "shell": lambda row: bool(row.json),
    "volume": lambda row: all(value.strip(SPACE) for value in row.values),
}


def _opens_heredoc(word: str) -> bool:
    match = re.fullmatch(r"[0-9]*<<-?[\t\n\f\r ]*([^<]+)", word)
    try:
        return match is not None and len(shlex.split(match[1])) == 1
    except ValueError:
        return False


def _refuses_flags(row: Row) -> str | None:
    known = FLAGS.get(row.keyword, {})
    seen = set()
    for flag in row.flags:
        name, equals, value = flag[2:].partition("=")
        kind = known.get(name)
        if kind is None:
            return f"unknown flag --{name}"
        if name in seen and kind != TEXTS:
            return f"duplicate flag --{name}"
        seen.add(name)
        if kind == BOOL:
            if equals and value.lower() not in ("true", "false"):
                return f"bool flag {flag}"
        elif not equals:
            return f"no value {flag}"
    return None


# --- our side ---------------------------------------------------------------------------------------------


def ours(name: str, data: bytes) -> list[Row] | str:
    """Rows, or our error's message."""
    try:
        document = parse(SourceFile.from_bytes(name, data))
    except DockerfileError as error:
        return f"{error.where}: {error.message}"
    if "".join(item.text for item in document.items).encode("utf-8", "surrogateescape") != data:
        raise AssertionError(f"{name}: the tree does not hold the text")
    return [our_row(instruction) for instruction in document.instructions]


def our_row(instruction: Instruction) -> Row:
    child = instruction.child
    inner = child or instruction
    return Row(
        instruction.keyword.lower(),
        child and child.keyword.upper(),
        tuple(flag.raw for flag in instruction.flags),
        None if child else instruction.exec_form,
        inner.args,
        tuple((doc.name, doc.content) for doc in instruction.heredocs),
        instruction.start_line,
        instruction.end_line,
        instruction.text,
    )


# --- rules that changed since BuildKit 0.12.5 -------------------------------------------------------------

FLAG_ESCAPE = "escape=` escapes in flags too"
BACKTICK = re.compile(r"(?im)^\ufeff?\s*#\s*escape\s*=\s*`")
RULES: dict[str, Callable[[str], object]] = {
    "JSON with text behind it is shell form": re.compile(r"(?s)\[[^\]]*\].*?[^\t-\r \x85\xa0]").search,
    "a heredoc's delimiter may stand behind blanks": re.compile(r"<<-?[ \t]").search,
    "ONBUILD may hold heredocs": re.compile(r"(?is)^\s*onbuild\s.*<<").search,
    "${v#p} ${v%p} ${v/p/r} are known beside a heredoc": re.compile(
        r"(?s)<<.*\$\{\w+[#%/]|\$\{\w+[#%/].*<<"
    ).search,
    "${v:-w} in a heredoc's word drops what is before it": re.compile(r"(?s)<<.*\$\{\w+:?[-+?]").search,
    FLAG_ESCAPE: re.compile(r"--[^\n]*[`\\]").search,
}
#: The official parser reads flags byte by byte. Where a byte of a character alone is a blank, it goes on with
#: the other half; the binding can not return that, and we refuse it.
CUT = "a character that a flag would cut in two is refused"
#: These are about the top of the file, not about one instruction.
TOP_RULES: dict[str, Callable[[str], object]] = {
    "check is a directive": re.compile(r"(?im)\A(?:\ufeff?[ \t]*#.*\n)*?\ufeff?[ \t]*#\s*check\s*=").search,
    "any white space may follow the # of a directive": re.compile(
        r"\A(?:\ufeff?\s*#.*\n)*?\ufeff?\s*#[^\S\t\n\f\r ]"
    ).search,
}


def explain(text: str, left: list[Row] | str, right: list[Row] | str) -> tuple[str, ...]:
    """The rules that can be why the official rows (``left``) and ours (``right``) differ."""
    top = tuple(name for name, applies in TOP_RULES.items() if applies(text))
    if isinstance(right, str) and "would cut" in right:
        return (*top, CUT)
    if isinstance(left, list) and isinstance(right, list):
        pairs = list(zip(left, right, strict=False))
        index = next((n for n, (a, b) in enumerate(pairs) if a != b), len(pairs))
        parts = [rows[index].text for rows in (left, right) if index < len(rows)]
        places = [*parts, *(r.text for r in left[max(index - 1, 0) : index])]
    else:
        places = [row.text for rows in (left, right) if isinstance(rows, list) for row in rows] or [text]
    rules = RULES if BACKTICK.search(text) else {name: RULES[name] for name in RULES if name != FLAG_ESCAPE}
    return top + tuple(name for name, applies in rules.items() if any(applies(place) for place in places))


# --- comparison -------------------------------------------------------------------------------------------


def compare(name: str, data: bytes) -> Verdict:
    """Both parsers on one file."""
    text = data.decode("utf-8", "surrogateescape")
    if "\0" in text or re.search("[\udc80-\udcff]", text):
        # The binding ends its strings at a NUL, and can return only UTF-8: compare with other odd characters.
        ours(name, data)
        text = re.sub("[\udc80-\udcff]", "\ufffd", text).replace("\0", "\1")
        data = text.encode()
    with tempfile.NamedTemporaryFile(prefix="agree-") as file:
        file.write(data)
        file.flush()
        try:
            left = official(file.name)
        except UnicodeDecodeError:
            return Verdict("explained", "no answer", (CUT,))
    right = ours(name, data)
    refused = left if isinstance(left, str) else front_end_refuses(left)
    if isinstance(right, str):
        if refused:
            return Verdict("same")
        detail = f"official accepts, we refuse: {right}"
    elif refused:
        detail = f"official refuses ({refused}), we accept"
    else:
        assert isinstance(left, list)
        if left == right:
            return Verdict("same")
        pairs = [(a, b) for a, b in zip(left, right, strict=False) if a != b]
        detail = (
            f"official {pairs[0][0]}\n      ours {pairs[0][1]}"
            if pairs
            else f"{len(left)} and {len(right)} rows"
        )
    rules = explain(text, left, right)
    return Verdict("explained" if rules else "different", detail, rules)


def _work(path: str) -> tuple[str, Verdict]:
    try:
        return path, compare(path, Path(path).read_bytes())
    except Exception as error:  # noqa: BLE001 - a crash of ours is a result here
        return path, Verdict("different", f"{type(error).__name__}: {error}")


def find_files(folder: Path) -> Iterator[str]:
    for root, directories, files in os.walk(folder):
        directories.sort()
        for name in sorted(files):
            path = Path(root, name)
            if path.is_file():
                yield str(path)


def silence() -> None:
    """Go's scanner reports odd bytes on standard error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def compare_all(paths: list[str], jobs: int = 1) -> list[tuple[str, Verdict]]:
    """Verdicts for files, in order, from forked workers (Go must not be loaded before a fork)."""
    with multiprocessing.get_context("fork").Pool(jobs, initializer=silence) as pool:
        return list(pool.imap(_work, paths, chunksize=64 if len(paths) > 256 else 1))


def main() -> int:
    parser = argparse.ArgumentParser(description="compare our parser with the official one")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--name", default="", help="only files whose name contains this")
    parser.add_argument("--list", action="store_true", help="name the explained files too")
    options = parser.parse_args()
    paths = [path for path in find_files(options.folder) if options.name in Path(path).name]
    counts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for path, verdict in compare_all(paths, options.jobs):
        counts[verdict.kind] += 1
        rules.update(verdict.rules)
        if verdict.kind == "different" or (options.list and verdict.kind == "explained"):
            print(f"{path}: {verdict.kind} {', '.join(verdict.rules)}\n  {verdict.detail}")
    print(
        f"{len(paths)} files: "
        + ", ".join(f"{counts[kind]} {kind}" for kind in ("same", "explained", "different"))
    )
    for rule, count in rules.most_common():
        print(f"  {count} {rule}")
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
