"""Real steps, traced: what they were seen to read and write lies in what was concluded from their texts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from layerc.compiler.effects.model import Effects
from layerc.compiler.effects.paths import ancestors
from layerc.compiler.effects.steps import effects_of
from layerc.compiler.graph.operations import Base, Run
from layerc.compiler.optimize.facts import Observation
from layerc.compiler.options import CompileOptions, NamedContext
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build, compile_only
from layerc.runtime.engine.evidence import gather
from layerc.runtime.engine.request import BuildRequest
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

BUSYBOX = """\
FROM busybox:latest
WORKDIR /work
COPY package /work/package
RUN mkdir -p a/b && cp package/setup.py a/b && ln -s b a/link && touch a/link/x
RUN rm -rf a/b/x && mv a/b/setup.py /moved.py
RUN for name in one two; do echo "$name" > "/$name.txt"; done; cat /*.txt | sort > sorted
RUN cd package && if [ -f setup.py ]; then sed -i s/1.0/2.0/ setup.py; else exit 1; fi
RUN tar -czf /p.tgz package && mkdir /out && tar -xzf /p.tgz -C /out && chmod -R go-w /out
RUN find package -name '*.txt' -exec rm {} + ; grep -r thing package > /found || true
RUN mkdir -m 777 -p /srv/app && chown -R 1000:1000 /out
USER 1000
RUN cd /srv/app && pwd > where && umask 077 && mkdir -p mine/x
"""
PYTHON = """\
FROM python:3.11-slim-bookworm
WORKDIR /app
COPY . .
RUN useradd --create-home --uid 1234 worker && install -d -o worker /srv/data && ln -sf /srv/data data
RUN python -m compileall -q package && cp -r package copied && rm -r copied/thing
RUN pip install --no-index --no-deps --no-cache-dir wheels/thing-1.0-py3-none-any.whl
RUN sed -i 's/^root:x/root:*/' /etc/passwd && stat -c %s /etc/passwd | tee -a size && ldconfig
"""
MAKE = """\
FROM gcc:12-bookworm
WORKDIR /src
COPY make .
RUN make -j2 && make install
RUN gcc -O1 -o /usr/local/bin/other hello.c && strip /usr/local/bin/other
"""
MAKEFILE = """\
hello: hello.c
\t$(CC) -o $@ $<
install: hello
\tinstall -m 755 hello /usr/local/bin/hello
"""

# Names that programs make up are not there before and not there after.
TEMPORARY = re.compile(r"/tmp/.*|.*/setup\.py[A-Za-z0-9]{6}|/.*/sed[A-Za-z0-9]{6}")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("context")
    for name, text in {
        "package/setup.py": "from setuptools import setup\nsetup(name='thing', version='1.0')\n",
        "package/thing/__init__.py": "thing = 1\n",
        "package/notes.txt": "a thing\n",
        "make/Makefile": MAKEFILE,
        "make/hello.c": "int main(void) { return 0; }\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    make_wheel(folder / "wheels" / "thing-1.0-py3-none-any.whl")
    return folder


def make_wheel(path: Path) -> None:
    path.parent.mkdir()
    script = f"""
import zipfile
with zipfile.ZipFile({str(path)!r}, "w") as wheel:
    wheel.writestr("thing.py", "x = 1\\n")
    info = "thing-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: thing\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "thing.py,,\\n")
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("text", [BUSYBOX, PYTHON, MAKE], ids=["busybox", "python", "make"])
def test_static_sets_hold_what_was_seen(
    text: str, context: Path, bases: Mapping[str, Mapping[str, str]], tmp_path: Path
) -> None:
    contexts = {
        name: NamedContext(name, "image", f"oci-layout://{base['layout']}:{base['tag']}")
        for name, base in bases.items()
    }
    request = BuildRequest(
        SourceFile("Dockerfile", text), CompileOptions(contexts=contexts), context=str(context)
    )
    with Store.open(str(tmp_path / "store")) as store:
        build(request, store, print)
        plan = compile_only(request, store, lambda _: None)
        facts = gather(request, plan, store)
    base = next(layer.id for layer in plan.layers if isinstance(layer.operation, Base))
    problems: dict[str, object] = {}
    checked = 0
    for layer in plan.layers:
        observed = facts.observed.get(layer.id)
        if isinstance(layer.operation, Base) or observed is None:
            continue
        effects = effects_of(layer, facts._replace(observed={}), base=base)
        found = (
            [effects.unknown]
            if effects.unknown
            else beyond(effects, observed, isinstance(layer.operation, Run))
        )
        if found:
            problems[layer.provenance.title] = found
        checked += isinstance(layer.operation, Run)
    assert problems == {}, "\n".join(f"{title}: {found}" for title, found in problems.items())
    assert checked == text.count("\nRUN ")


def beyond(effects: Effects, observed: Observation, traced: bool) -> list[str]:
    """What was seen and is not in the effects."""
    assert observed.writes is not None
    written = observed.writes.names | observed.writes.directories | observed.writes.trees
    known = effects.writes.names | effects.writes.directories
    found = [f"writes {path}" for path in outside(written, known, effects.writes.trees)]
    if traced:
        reads = observed.reads
        assert reads is not None
        names = with_parents(effects.reads.names)
        trees = effects.reads.trees | effects.writes.trees
        read = [path for path in reads.names if not TEMPORARY.match(path)]
        found += [f"reads {path}" for path in outside(read, names, trees)]
        listed = outside(reads.lists, effects.reads.lists, trees)
        found += [f"lists {path}" for path in listed]
    return found


def with_parents(names: Iterable[str]) -> set[str]:
    """Looking a path up looks at the directories above it."""
    return {item for path in names for item in (path, *ancestors(path))}


def outside(seen: Iterable[str], names: Iterable[str], trees: Iterable[str]) -> list[str]:
    """What was seen and is in neither."""
    known, whole = set(names), set(trees)
    above = with_parents(whole)
    return sorted(
        path
        for path in seen
        if path not in known and path not in above and whole.isdisjoint((path, *ancestors(path)))
    )
