"""Made-up Dockerfiles that are built, optimised by what was seen of their steps, and compared with what comes of it.

python tests/tools/made_rewrites.py [--minutes 10] [--seed N]     # needs root; the shortest that differs is printed
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from histories import File, write_context
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from made_histories import COPIES, FROM_ONE, MOUNTS, START, runs
from tiny import TinyProject

from layerc.compiler.optimize.facts import NO_FACTS
from layerc.compiler.options import CompileOptions, NamedContext
from layerc.grammar.errors import LayercError
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build, opened
from layerc.runtime.engine.evidence import gather
from layerc.runtime.engine.request import BuildRequest
from layerc.runtime.engine.rewriting import rewritten
from layerc.runtime.engine.verify import verify_plans
from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

__all__ = ["Bench", "DifferenceError", "try_dockerfiles"]

FILES = {
    "k": File("file", "1\n"),
    "d/k": File("file", "1\n"),
    "a": File("file", "1\n"),
    "b": File("file", "2\n"),
    "d/x": File("file", "1\n"),
    "d/y": File("file", "2\n", 0o755),
    "d/s": File("symlink", "x"),
    "e": File("directory", "", 0o700),
    "t": File("file", "1\n"),
    "u": File("file", "2\n"),
    "z": File("tar", "1\n"),
}
#: What people write: steps that read a little of what was copied, and write elsewhere or beside it.
PLAIN = (
    "RUN cat {p} > /o/{log}",
    "RUN cp {p} /o/{log}",
    "RUN mkdir -p /o/{log}.d && cat {p} {q} > /o/{log}.d/x",
    "RUN test -e {p}; echo $? > /o/{log}",
    "RUN ls /w/d > /o/{log}",
    "RUN cd /w/d && cat x > made{log}",
    "RUN cd /w && cat a > d/made{log}",
    "RUN cp -a /w/d /o/copy{log}",
    "RUN rm -f {p}",
    "RUN echo {log} >> {p}",
    "RUN chmod 700 /w/d",
    "RUN mkdir -p /w/d/new && cat /w/a > /w/d/new/{log}",
    "RUN find /w -name x > /o/{log}",
    "RUN true && cat {p} > /o/{log} && rm -rf /o/old",
    "WORKDIR /w",
    "ARG V={log}",
    "ENV W={log}",
    "LABEL l={log}",
    "LABEL l=$V",
    'CMD ["{log}"]',
    "USER {log}",
    "USER 0",
)
READ = ("/w/a", "/w/b", "/w/d/x", "/w/d/y", "/w/d/s", "/w/e", "/w/none", "/w/t")


class DifferenceError(AssertionError):
    """A rewrite that does not make the same image, or a bug that the optimiser found in itself."""


@st.composite
def _plain(draw: st.DrawFn) -> str:
    fields = {"p": draw(st.sampled_from(READ)), "q": draw(st.sampled_from(READ))}
    return draw(st.sampled_from(PLAIN)).format(**fields, log=draw(st.sampled_from("12345")))


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """Mostly: much is copied, then a few steps read a little of it."""
    copies = st.sampled_from((*COPIES, "COPY . /w", "COPY . .", "COPY d /w/d"))
    step = st.one_of(_plain(), _plain(), _plain(), runs(MOUNTS), copies)
    beginning = draw(st.sampled_from(("WORKDIR /w\nCOPY . .", "COPY . /w", "COPY d /w/d\nCOPY a b /w/")))
    stages = [["FROM base AS one", f"RUN {START}", beginning, *draw(st.lists(step, min_size=1, max_size=4))]]
    if draw(st.booleans()):
        last = st.one_of(step, step, st.sampled_from(FROM_ONE))
        begin = draw(
            st.sampled_from((["FROM base", f"RUN {START}", beginning], ["FROM base", f"RUN {START}"]))
        )
        stages.append([*begin, *draw(st.lists(last, min_size=1, max_size=4))])
    return "".join(f"{line}\n" for stage in stages for line in stage)


class Bench:
    """A base, a context and a store in ``folder``. ``counts`` says what was seen."""

    def __init__(self, folder: Path) -> None:
        enter_mount_namespace()
        maker = TinyProject(folder)
        self.layout = folder / "base"
        maker.build("", outputs=(f"type=oci-layout,dest={self.layout}",))
        self.home, self.context = maker.home, maker.context
        write_context(self.context, FILES)
        self.counts: Counter[str] = Counter()

    def prove(self, text: str) -> None:
        """Raises :class:`DifferenceError`. Each step counts as a slow one: quick ones are not worth a rewrite."""
        self.counts["dockerfiles"] += 1
        contexts = {"base": NamedContext("base", "image", f"oci-layout://{self.layout}")}
        request = BuildRequest(
            SourceFile("Dockerfile", text), CompileOptions(contexts=contexts), context=str(self.context)
        )
        with Store.open(self.home) as store:
            try:
                build(request, store, lambda _: None)
            except LayercError:
                self.counts["not built"] += 1
                return
            with opened(request, store, lambda _: None) as (request, images):
                plan = rewritten(request, images, NO_FACTS, 0).plan
                facts = gather(request, plan, store)
                observed = {key: seen._replace(seconds=9.0) for key, seen in facts.observed.items()}
                result = rewritten(request, images, facts._replace(observed=observed))
            if result.problems:
                raise DifferenceError(f"{result.problems}\n{text}")
            self.counts.update({change.of for change in result.changes})
            self.counts["changed"] += bool(result.changes)
            if not result.changes:
                return
            other = request._replace(dockerfile=result.draft.source)
            try:
                verdict = verify_plans(request, other, store, lambda _: None)
            except LayercError as error:
                raise DifferenceError(f"{error}\n{text}\n---\n{result.draft.text}") from error
            if not verdict.equal:
                blamed = [(change.path, change.aspects) for change in verdict.blamed]
                told = "".join(f"{change.of}: {change.what}: {change.why}\n" for change in result.changes)
                raise DifferenceError(f"{blamed} {verdict.config}\n{told}{text}\n---\n{result.draft.text}")


def try_dockerfiles(bench: Bench, number: int, count: int) -> None:
    """Try ``count`` of them, by the seed ``number``. Raises :class:`DifferenceError` for the shortest that fails."""

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(dockerfiles())
    def run(text: str) -> None:
        bench.prove(text)

    run()


def main(words: Sequence[str]) -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args(words)
    end = time.time() + 60 * chosen.minutes
    number = chosen.seed
    with tempfile.TemporaryDirectory(prefix="layerc-rewrites-", ignore_cleanup_errors=True) as folder:
        bench = Bench(Path(folder))
        while time.time() < end:
            print(f"seed {number}", file=sys.stderr, flush=True)
            try:
                try_dockerfiles(bench, number, 20)
            except DifferenceError as error:
                print(error)
                return 1
            number += 1
        print(json.dumps(bench.counts))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
