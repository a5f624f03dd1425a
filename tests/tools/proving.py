"""What the optimiser makes of a build, with all that was seen of it, built beside the original and compared.

python tests/tools/proving.py [NAME...]     # over the projects and the tiny builds of the corpus; needs root
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

from builds import load_builds
from projects import ROOT, layerc_arguments, load_projects

from layerc.compiler.optimize.facts import NO_FACTS
from layerc.compiler.optimize.manager import Result
from layerc.grammar.errors import LayercError
from layerc.runtime.cli.build import build_request
from layerc.runtime.cli.main import build_parser
from layerc.runtime.engine.build import build, opened
from layerc.runtime.engine.evidence import gather
from layerc.runtime.engine.request import BuildRequest
from layerc.runtime.engine.rewriting import rewritten
from layerc.runtime.engine.verify import Verdict, verify_plans
from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

__all__ = ["Proof", "optimised", "prove", "request_of"]


class Proof(NamedTuple):
    """``verdict`` is none where the optimiser changed nothing."""

    result: Result
    verdict: Verdict | None

    @property
    def problems(self) -> list[str]:
        """What is wrong with it, in words."""
        found = [f"bug in {problem.of}: {problem.what}" for problem in self.result.problems]
        if self.verdict is not None and not self.verdict.equal:
            agreed = [change.differs for change in self.result.changes if change.differs]
            different = [change.path for change in self.verdict.blamed]
            different += [change.field for change in self.verdict.config]
            if not agreed:
                found.append(f"not the same: {different[:12]}\n{self.result.draft.text}")
        return found


def request_of(words: Sequence[str], folder: Path) -> BuildRequest:
    """What ``layerc`` with these words (``build …``) is asked for in ``folder``."""
    with chdir(folder):
        request = build_request(build_parser("build").parse_args(list(words)))
        if isinstance(request.context, str):
            request = request._replace(context=str(Path(request.context).resolve()))
        return request


def optimised(request: BuildRequest, store: Store, level: int = 1) -> tuple[BuildRequest, Result]:
    """The request with the text of its Dockerfile, and what is made of that with all that builds have shown."""
    with opened(request, store, lambda _: None) as (request, images):
        plan = rewritten(request, images, NO_FACTS, 0).plan
        return request, rewritten(request, images, gather(request, plan, store), level)


def prove(request: BuildRequest, store: Store, level: int = 1, again: bool = True) -> Proof:
    """Build ``request`` if it was not, optimise it, and compare the images; the new steps really run.

    Raises as ``build`` does.
    """
    if again:
        build(request, store, lambda _: None)
    request, result = optimised(request, store, level)
    if not result.changes:
        return Proof(result, None)
    other = request._replace(dockerfile=result.draft.source)
    return Proof(result, verify_plans(request, other, store, lambda _: None))


# --- over the whole corpus ---------------------------------------------------------------------------


def _cases(bases: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[list[str], Path]]:
    found = {}
    for project in load_projects():
        for image in project.images:
            words = layerc_arguments(project, bases, target=image.target, arguments=image.arguments)
            found[image.name] = ([*words, "--network=none"], ROOT)
    for case in load_builds():
        if not case.refused:
            found[case.name] = (case.words(bases), case.path)
    return found


def main(names: Sequence[str]) -> int:
    """Print what changed in each case, and whether it is the same."""
    import json

    done = subprocess.run(
        [ROOT / "scripts" / "base-images", "--json"], capture_output=True, text=True, check=True
    )
    bases = json.loads(done.stdout.splitlines()[-1])
    enter_mount_namespace()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="layerc-proof-", ignore_cleanup_errors=True) as home:
        for name, (words, folder) in _cases(bases).items():
            if names and not any(part in name for part in names):
                continue
            for level in (1, 2):
                started = time.monotonic()
                with Store.open(home) as store:
                    try:
                        proof = prove(request_of(words, folder), store, level)
                    except LayercError as error:
                        print(f"{name}: not built: {error.message}")
                        break
                made = ", ".join(sorted({change.of for change in proof.result.changes}))
                verdict = proof.verdict and ("equal" if proof.verdict.equal else "different")
                print(
                    f"{name} -O{level}: {made or '-'}: {verdict} ({time.monotonic() - started:.1f} s)",
                    flush=True,
                )
                wrong += bool(proof.problems)
                print("".join(f"  {problem}\n" for problem in proof.problems), end="", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
