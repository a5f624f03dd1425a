"""Programs of coreutils and their like: what they do to the files that they are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from .call import Call, split_options, values
from .lookup import look_up
from .values import Arg

__all__ = ["FILE_TOOLS"]

_ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/nsswitch.conf")


def _none(call: Call) -> None:
    """Reads and writes no files."""


def _reads(valued: str) -> Callable[[Call], None]:
    """A program that reads the files that it is given."""

    def run(call: Call) -> None:
        options, operands = split_options(call, valued)
        for operand in operands:
            call.collector.read(operand, call.cwds)
        for value in options.values():
            if value is not None and value.text.startswith(("/", "./")):
                call.collector.read(value, call.cwds)

    return run


def _reads_all(valued: str) -> Callable[[Call], None]:
    """A program that reads the trees that it is given, the directory that it runs in if none."""

    def run(call: Call) -> None:
        _, operands = split_options(call, valued)
        for operand in operands or [Arg(".")]:
            call.collector.read(operand, call.cwds, tree=True)

    return run


def _grep(call: Call) -> None:
    options, operands = split_options(call, "-e -f -m -A -B -C --regexp --file --max-count")
    given = any(name in options for name in ("-e", "-f", "--regexp", "--file"))
    deep = any(name in options for name in ("-r", "-R", "--recursive"))
    for operand in operands if given else operands[1:]:
        call.collector.read(operand, call.cwds, tree=deep)
    for name in ("-f", "--file"):
        if (value := options.get(name)) is not None:
            call.collector.read(value, call.cwds)
    if deep and len(operands) < 2:
        call.collector.read(Arg("."), call.cwds, tree=True)


def _mkdir(call: Call) -> None:
    options, operands = split_options(call, "-m --mode")
    collector = call.collector
    plain = "-p" in options or "--parents" in options
    for operand in operands:
        usual = "!owner" not in call.state.variables  # root's, mode 0755: as any other step would make it
        if plain and usual and "-m" not in options and "--mode" not in options and operand.known is not None:
            collector.make_directories(collector.paths(operand, call.cwds)[0])
        else:
            found = collector.write(operand, call.cwds)
            if plain:
                collector.make_directories(found)


def _touch(call: Call) -> None:
    options, operands = split_options(call, "-d -r -t --date --reference")
    for operand in operands:
        call.collector.write(operand, call.cwds)
    for name in ("-r", "--reference"):
        if (value := options.get(name)) is not None:
            call.collector.read(value, call.cwds)


def _remove(call: Call) -> None:
    options, operands = split_options(call)
    deep = any(name in options for name in ("-r", "-R", "--recursive"))
    for operand in operands:
        found = call.collector.write(operand, call.cwds, tree=deep, follow=False)
        call.collector.removes += _removed(operand, found)


def _removed(operand: Arg, found: Iterable[str]) -> list[str]:
    """Paths that are surely gone; for a pattern with a wildcard at the end, as ``/a/*``."""
    if operand.known is not None:
        return list(found)
    if operand.exact and operand.text.endswith("/*") and operand.wild == len(operand.text) - 1:
        return [f"{path.rstrip('/')}/*" for path in found]
    return []


def _chmod(call: Call) -> None:
    _changes(call, "--reference")


def _chown(call: Call) -> None:
    call.collector.read_paths(_ACCOUNTS)
    _changes(call, "--reference --from")


def _changes(call: Call, valued: str) -> None:
    """Owner and mode: the first operand says which, the others of what."""
    options, operands = split_options(call, valued)
    value = options.get("--reference")
    if value is not None:
        call.collector.read(value, call.cwds)
    # A mode such as -x looks like an option.
    modes = [name for name in options if name.strip("-").strip("rwxXst") == "" and call.base == "chmod"]
    first = 0 if value is not None or (modes and not _looks_like_mode(operands)) else 1
    deep = "-R" in options or "--recursive" in options
    for operand in operands[first:]:
        call.collector.write(operand, call.cwds, tree=deep)
        call.collector.read(operand, call.cwds, tree=deep)


def _looks_like_mode(operands: list[Arg]) -> bool:
    return bool(operands) and set(operands[0].text) <= set("01234567ugoa+-=rwxXst,")


def _copy(call: Call) -> None:
    options, operands = split_options(
        call, "-t -S -m -o -g --target-directory --suffix --mode --owner --group"
    )
    collector = call.collector
    if call.base == "install":
        collector.read_paths(_ACCOUNTS)
        if "-d" in options or "--directory" in options:
            for operand in operands:
                for path in collector.write(operand, call.cwds):
                    collector.make_directories([path])
            return
    target = options.get("-t") or options.get("--target-directory")
    if not operands:
        return
    *sources, last = operands if target is None else [*operands, target]
    deep = call.base == "mv" or any(
        name in options for name in ("-r", "-R", "-a", "--recursive", "--archive", "-d")
    )
    for source in sources:
        collector.read(source, call.cwds, tree=deep)
        if call.base == "mv":
            found = collector.write(source, call.cwds, tree=True, follow=False)
            collector.removes += _removed(source, found)
    if "--parents" in options or "-D" in options:
        for path in collector.paths(last, call.cwds)[0]:
            collector.make_directories([path.rpartition("/")[0] or "/"] if "-D" in options else [path])
    _place(call, sources, last, deep=deep, options=options)


def _place(call: Call, sources: list[Arg], target: Arg, *, deep: bool, options: Mapping[str, object]) -> None:
    """Files that come to ``target``: it, or names in it if it is a directory."""
    collector = call.collector
    collector.read(target, call.cwds)
    if (
        deep
        or "--parents" in options
        or any(source.known is None for source in sources)
        or target.known is None
    ):
        collector.write(target, call.cwds, tree=True)
        return
    if "-T" not in options and "--no-target-directory" not in options:
        for source in sources:
            name = source.text.rstrip("/").rpartition("/")[2]
            collector.write(Arg(f"{target.text.rstrip('/')}/{name}"), call.cwds)
    if not target.text.endswith("/") and len(sources) == 1:
        collector.write(target, call.cwds)


def _link(call: Call) -> None:
    options, operands = split_options(call, "-t -S --target-directory --suffix")
    collector = call.collector
    target = options.get("-t") or options.get("--target-directory")
    if not operands:
        return
    *sources, last = operands if target is None else [*operands, target]
    if not sources:
        sources, last = [last], Arg(".")
    symbolic = "-s" in options or "--symbolic" in options
    for source in sources:
        if not symbolic:
            collector.read(source, call.cwds)
            collector.write(source, call.cwds)  # how many names a file has is part of it
        name = source.text.rstrip("/").rpartition("/")[2]
        if source.known is None or last.known is None:
            collector.write(last, call.cwds, tree=True)
            continue
        inside = Arg(f"{last.text.rstrip('/')}/{name}")
        flat = "-T" in options or "-n" in options or "--no-dereference" in options
        if not flat:
            collector.read(last, call.cwds)
            collector.write(inside, call.cwds, follow=False)
        if not last.text.endswith("/") and last.text != ".":
            found = collector.write(last, call.cwds, follow=False)
            if symbolic:
                collector.link((path, _target(source.text, path)) for path in found)


def _target(text: str, path: str) -> str:
    return text if text.startswith("/") else f"{path.rpartition('/')[0]}/{text}"


def _sed(call: Call) -> None:
    options, operands = split_options(call, "-e -f -l --expression --file --line-length")
    given = any(name in options for name in ("-e", "-f", "--expression", "--file"))
    for script in [*values(options, "-e", "--expression"), *([] if given else operands[:1])]:
        if _may_write(script):
            call.collector.fail("`sed` with a script that may write files of its own")
    for value in values(options, "-f", "--file"):
        call.collector.fail(f"`sed -f {value.text}` runs a file whose content is not known")
    in_place = any(name in {"-i", "--in-place"} for name in options)
    for operand in operands if given else operands[1:]:
        call.collector.read(operand, call.cwds)
        if in_place:
            call.collector.write(operand, call.cwds)
            suffix = options.get("--in-place")
            if suffix is not None and operand.known is not None:
                call.collector.write(Arg(operand.text + suffix.text), call.cwds)


def _may_write(script: Arg) -> bool:
    """Whether a sed script may have the command or flag ``w`` or ``e``."""
    return re.search(r"(?:^|[;{}\n/|#,!0-9$])\s*[gpiIM0-9]*[wWe](?:\s|$)", script.text) is not None


_COMPRESSORS = ("gzip", "pigz", "bzip2", "lbzip2", "xz", "zstd", "lzma", "compress")


def _tar(call: Call) -> None:
    words = list(call.args)
    collector = call.collector
    if words and words[0].known is not None and not words[0].text.startswith("-"):
        words[0] = Arg("-" + words[0].text)
    options, operands = split_options(
        call._replace(args=tuple(words)),
        "-f -C -T -X --file --directory --files-from --exclude-from --exclude",
    )
    directory = options.get("-C") or options.get("--directory") or Arg(".")
    archive = options.get("-f") or options.get("--file")
    pipe = archive is None or archive.text == "-"
    if "-x" in options or "--extract" in options or "--get" in options:
        if archive is not None and not pipe:
            collector.read(archive, call.cwds)
        if "-P" in options or "--absolute-names" in options:
            collector.fail("`tar` may write anywhere with -P")
        _unpacks_to(call, directory)
    elif "-c" in options or "--create" in options:
        if archive is not None and not pipe:
            collector.write(archive, call.cwds)
        for operand in operands:
            if operand.known is not None and not operand.text.startswith("/") and directory.known is not None:
                operand = Arg(f"{directory.text.rstrip('/')}/{operand.text}")
            collector.read(operand, call.cwds, tree=True)
    elif "-t" in options or "--list" in options:
        if archive is not None and not pipe:
            collector.read(archive, call.cwds)
    else:
        collector.fail("`tar` with options that are not understood")
    for program in _COMPRESSORS:
        look_up(call, program)


def _unpacks_to(call: Call, directory: Arg) -> None:
    call.collector.read_paths(_ACCOUNTS)
    call.collector.write(directory, call.cwds, tree=True)


def _unzip(call: Call) -> None:
    options, operands = split_options(call, "-d -x -P")
    if operands:
        call.collector.read(operands[0], call.cwds)
    if "-l" not in options and "-p" not in options and "-t" not in options:
        _unpacks_to(call, options.get("-d") or Arg("."))


def _gzip(call: Call) -> None:
    options, operands = split_options(call, "-S --suffix")
    to_stdout = "-c" in options or "--stdout" in options or call.base in {"zcat", "xzcat", "bzcat"}
    for operand in operands:
        call.collector.read(operand, call.cwds)
        if not to_stdout:
            call.collector.write(operand, call.cwds)
            if operand.known is None:
                continue
            stem = operand.text.rpartition(".")[0]
            for name in (stem, *(f"{operand.text}{end}" for end in (".gz", ".bz2", ".xz", ".zst"))):
                if name:
                    call.collector.write(Arg(name), call.cwds)


def _tee(call: Call) -> None:
    options, operands = split_options(call)
    for operand in operands:
        call.collector.write(operand, call.cwds)
        if "-a" in options or "--append" in options:
            call.collector.read(operand, call.cwds)


def _accounts(call: Call) -> None:
    """What it tells is in /etc."""
    call.collector.read_paths(["/etc", "/usr/share/distro-info", "/usr/lib/os-release"], tree=True)


def _which(call: Call) -> None:
    for arg in call.args:
        if arg.known is not None and not arg.text.startswith("-"):
            look_up(call, arg.text)


def _filter(call: Call) -> None:
    """A program, then files that it reads."""
    options, operands = split_options(call, "-f -F -v --from-file --arg --argjson -L")
    for value in values(options, "-f", "--from-file", "-L"):
        call.collector.read(value, call.cwds, tree=True)
    program = None if "-f" in options or not operands else operands[0]
    if call.base != "jq" and (program is None or re.search(r"[>|]|system|getline", program.text)):
        call.collector.fail(f"`{call.base}` with a program that may write files or run others")
    for operand in operands[0 if program is None else 1 :]:
        call.collector.read(operand, call.cwds)


def _mktemp(call: Call) -> None:
    options, operands = split_options(call, "-p -t --tmpdir --suffix")
    del options
    if operands:
        call.collector.fail("`mktemp` with a template: the path is not known")
    call.collector.write_paths(["/tmp"], tree=True)  # noqa: S108  # a path in the image
    call.collector.vary("`mktemp` makes another name each time")


def _truncate(call: Call) -> None:
    _, operands = split_options(call, "-s -r --size --reference")
    for operand in operands:
        call.collector.write(operand, call.cwds)


def _date(call: Call) -> None:
    call.collector.vary("`date` says another time each time")


FILE_TOOLS: Mapping[str, Callable[[Call], None]] = {
    **dict.fromkeys(
        (
            "true", "false", "echo", "printf", "sleep", "seq", "expr", "basename", "dirname", "uname", "nproc",
            "tr", "id", "whoami", "arch", "yes", "test", "[", "printenv", "hostname", "getconf", "pwd", "tty",
        ),
        _none,
    ),
    **dict.fromkeys(("cat", "nl", "tac", "od", "wc", "uniq"), _reads("")),
    **dict.fromkeys(("head", "tail", "sort", "cut", "xxd"), _reads("-n -c -k -t -d -f -l -s")),
    **dict.fromkeys(("md5sum", "sha1sum", "sha256sum", "sha512sum", "cksum", "b2sum", "base64"), _reads("-w")),
    **dict.fromkeys(("readlink", "realpath", "file", "cmp", "comm", "paste"), _reads("-d")),
    "stat": _reads("-c --format --printf"),
    **dict.fromkeys(("ls", "du", "dir", "diff", "tree"), _reads_all("-d --max-depth -I")),
    **dict.fromkeys(("lsb_release", "getent"), _accounts),
    **dict.fromkeys(("awk", "gawk", "mawk", "jq"), _filter),
    **dict.fromkeys(("grep", "egrep", "fgrep"), _grep),
    **dict.fromkeys(("cp", "mv", "install"), _copy),
    **dict.fromkeys(("rm", "rmdir", "unlink", "shred"), _remove),
    **dict.fromkeys(("chown", "chgrp"), _chown),
    **dict.fromkeys(("gzip", "gunzip", "bzip2", "bunzip2", "xz", "unxz"), _gzip),
    **dict.fromkeys(("zstd", "unzstd", "zcat", "xzcat", "bzcat"), _gzip),
    "mkdir": _mkdir,
    "which": _which,
    "touch": _touch,
    "chmod": _chmod,
    "ln": _link,
    "sed": _sed,
    "tar": _tar,
    "unzip": _unzip,
    "tee": _tee,
    "mktemp": _mktemp,
    "truncate": _truncate,
    "date": _date,
}  # fmt: skip
