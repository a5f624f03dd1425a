"""`pip install` without `--no-cache-dir`.

What pip downloads and builds is kept in `~/.cache/pip`: in the layer, where nobody uses it. A cache mount keeps
it out of the image and keeps it for the next build.

## Bad

```dockerfile
FROM python:3.13
RUN pip install flask==3.1.0
```

## Good

```dockerfile
FROM python:3.13
RUN pip install --no-cache-dir flask==3.1.0
```

```dockerfile
FROM python:3.13
RUN --mount=type=cache,target=/root/.cache/pip pip install flask==3.1.0
```

## When to ignore

Where a file of settings turns the cache off.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.syntax import Instruction
from ..finding import Finding
from ..pip import is_pip_install
from ..rule import Category, Rule, Severity
from ..stages import StageView
from ..subject import Subject
from ..tools import flag_fix, has_mount

_VARIABLE = "PIP_NO_CACHE_DIR"
_YES = ("1", "true", "on", "yes")


def check(subject: Subject) -> Iterator[Finding]:
    """The word ``install`` of the first such call in a RUN."""
    seen: set[int] = set()
    for name, calls in subject.tools.items():
        for call in calls if name.startswith(("pip", "python")) else ():
            run = call.instruction
            if (
                call.has_flag("no-cache-dir")
                or "pipx" in name
                or not is_pip_install(call)
                or run.span.start in seen
            ):
                continue
            if not (has_mount(run, ".cache/pip") or _turned_off(call.stage, run)):
                seen.add(run.span.start)
                verb = next(word for word in call.words if word.shown == "install")
                fixes = flag_fix(call, verb, "--no-cache-dir")
                yield Finding(
                    verb.span, "What pip downloads stays in the layer", "add --no-cache-dir", fixes=fixes
                )


def _turned_off(stage: StageView, run: Instruction) -> bool:
    """Whether a variable does it, in the script or above it."""
    _, equals, value = run.text.partition(f"{_VARIABLE}=")
    if equals and value.lower().lstrip("\"'").startswith(_YES):
        return True
    view: StageView | None = stage
    while view is not None:
        for env in reversed(view.of("ENV")):
            if env.span.start < run.span.start:
                for key, given in zip(env.args[::2], env.args[1::2], strict=False):
                    if key == _VARIABLE:
                        return given.strip("\"'").lower() in _YES
        view = view.parent
    return False


RULE = Rule(
    id="DL3042",
    name="no-cache-pip",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
