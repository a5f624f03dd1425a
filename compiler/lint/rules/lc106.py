"""A step fetches what changes without a change of its text.

The branch of a repository, or a URL with `latest` or `master` in it, is something else tomorrow, but the step
that fetches it is taken from the cache as long as its text and what is above it are the same. Two machines
build different images of the same commit. Name a tag, a commit or a version.

## Bad

```dockerfile
FROM debian:bookworm
RUN git clone https://github.com/example/tool.git /opt/tool
```

```dockerfile
FROM debian:bookworm
RUN curl -fsSL https://github.com/example/tool/releases/latest/download/tool.tar.gz | tar -xz -C /opt
```

## Good

```dockerfile
FROM debian:bookworm
RUN git clone --branch v1.4.2 --depth 1 https://github.com/example/tool.git /opt/tool
```

```dockerfile
FROM debian:bookworm
ADD https://github.com/example/tool.git#v1.4.2 /opt/tool
```

## When to ignore

Where the newest state is wanted and the image is built with `--no-cache-filter` for this stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....grammar.syntax import Instruction
from ..calls import Call
from ..finding import Finding
from ..order import calls_in
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import flag_values, text_of

_BRANCHES = frozenset(("master", "main", "develop", "dev", "trunk", "head", "nightly", "latest", "devel"))
_PLACES = (
    "/latest/",
    "/master/",
    "/main/",
    "/head/",
    "/develop/",
    "/nightly/",
    "/refs/heads/",
    "/snapshot/",
    "/trunk/",
)
_ENDS = (
    "/latest",
    "/master.zip",
    "/main.zip",
    "/master.tar.gz",
    "/main.tar.gz",
    "-latest.tar.gz",
    "-latest.zip",
)
_CHOOSERS = frozenset(("checkout", "reset", "switch", "submodule"))
_HELP = "name a tag, a commit or a version"


def check(subject: Subject) -> Iterator[Finding]:
    """The URL, or the clone."""
    runs = calls_in(subject)
    for calls in runs.values():
        for call in calls:
            if call.name == "git" and call.subcommand == "clone":
                if not _is_chosen(call, [each for calls in runs.values() for each in calls]):
                    yield Finding(
                        call.words[0].span, "git clone takes what the branch holds on that day", _HELP
                    )
            elif call.name in ("curl", "wget"):
                for word in call.words[1:]:
                    if _moves(text_of(word)):
                        yield Finding(word.span, "what this URL gives changes unnoticed by the cache", _HELP)
                        break
    for _, instruction in subject.each("ADD", onbuild=True):
        yield from _added(subject, instruction)


def _is_chosen(clone: Call, calls: Sequence[Call]) -> bool:
    """Whether it names a tag, or a commit is checked out later in the stage."""
    branches = [*flag_values(clone, "b", "branch"), *flag_values(clone, "revision")]
    if branches:
        return branches[0].strip("\"'").lower() not in _BRANCHES
    return any(
        each.name == "git"
        and each.stage is clone.stage
        and each.instruction.span.start >= clone.instruction.span.start
        and any(word.shown in _CHOOSERS for word in each.arguments)
        for each in calls
    )


def _moves(text: str) -> bool:
    if "://" not in text:
        return False
    plain = text.lower().partition("?")[0]
    return any(place in plain for place in _PLACES) or plain.endswith(_ENDS)


def _added(subject: Subject, instruction: Instruction) -> Iterator[Finding]:
    for source in instruction.args[:-1]:
        url, sign, ref = source.partition("#")
        if not url.endswith(".git") and not url.startswith("git@"):
            continue
        branch = ref.partition(":")[0].removeprefix("refs/heads/").lower()
        if not sign or not branch or branch in _BRANCHES:
            message = "ADD takes what the branch holds on that day"
            yield Finding(subject.find(instruction, source), message, _HELP)


RULE = Rule(
    id="LC106",
    name="moving-target",
    severity=Severity.INFO,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
