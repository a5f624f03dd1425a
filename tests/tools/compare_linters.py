"""Compare layerc's linter with hadolint and tally: time, and what they find, over a folder of Dockerfiles.

    python tests/tools/compare_linters.py FOLDER [--show RULE] [--times N]

It wants the dependency group ``bench``. Files agree on a rule if hadolint and layerc find it in the same
instructions, after the differences of ``EXCEPTIONS``: each is a function that says why layerc differs on purpose.
docs/linting.md explains them; docs/benchmarks.md has the results.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from layerc.compiler.lint import Call, Subject
from layerc.compiler.lint.rules import RULES
from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.grammar.syntax import Instruction

BIN = Path(sys.executable).parent
NAMES = {name: rule.id for rule in RULES for name in rule.equivalents if name.startswith("DL")}
Found = Mapping[str, Mapping[str, frozenset[int]]]  # rule → file → first lines of instructions


class Place(NamedTuple):
    """Where the two differ on ``rule``: ``ours`` says which of them found it in ``instruction``. ``theirs`` are the
    rules that hadolint found there.
    """

    subject: Subject
    instruction: Instruction
    rule: str
    ours: bool
    theirs: frozenset[str]

    @property
    def text(self) -> str:
        """The instruction as written."""
        return self.instruction.text

    @property
    def run(self) -> Instruction:
        """The RUN, which may be in an ONBUILD."""
        return self.instruction.child or self.instruction

    @property
    def calls(self) -> list[Call]:
        """The calls in it, also behind others."""
        calls = (call for calls in self.subject.tools.values() for call in calls)
        return [call for call in calls if call.instruction.span.start == self.run.span.start]


# --- why layerc differs on purpose: each function says so of one place ---------------------------


def sees_through_others(place: Place) -> bool:
    """Calls behind sudo, env or ``sh -c``, in backquotes, and by their whole path are calls of the tool."""
    return (
        place.ours
        and place.rule.startswith("DL")
        and any(call.via or "/" in call.words[0].shown for call in place.calls)
    )


def looks_into_onbuild(place: Place) -> bool:
    """hadolint looks into ONBUILD for some rules only."""
    return place.ours and place.instruction.keyword == "ONBUILD"


def leaves_other_shells_alone(place: Place) -> bool:
    """Scripts of PowerShell and cmd are read as scripts of sh by hadolint."""
    if "escape" in place.subject.document.directives or "powershell" in place.text.lower():
        return True
    script = place.subject.script_of(place.run)
    return script is not None and not script.is_posix


def reads_exec_forms_as_words(place: Place) -> bool:
    """hadolint joins the words of an exec form and reads them as a script."""
    return place.run.keyword == "RUN" and place.run.exec_form


def tells_all_of_shellcheck(place: Place) -> bool:
    """hadolint keeps one finding of ShellCheck for each RUN."""
    return place.ours and place.rule.startswith("SC") and any(code.startswith("SC") for code in place.theirs)


def cleans_by_path(place: Place) -> bool:
    """For hadolint any ``rm -rf`` cleans, and only in these words; for us any that names the directory."""
    return place.rule in ("DL3009", "DL3032", "DL3036", "DL3040") and "rm " in place.text


def knows_aliases(place: Place) -> bool:
    """``npm i`` and ``npm add`` are ``npm install``."""
    return (
        place.ours
        and place.rule == "DL3016"
        and re.search(r"npm\s+(\S+\s+)*(i|add)\s", place.text) is not None
    )


def knows_which_flags_take_values(place: Place) -> bool:
    """hadolint takes a word behind a flag for its value, or a value for a package, more often than is right."""
    names = {
        "DL3028": "gem",
        "DL3018": "apk",
        "DL3013": "pip",
        "DL3062": "go",
        "DL3008": "apt-get",
        "DL3016": "npm",
    }
    return (
        place.rule in names and re.search(rf"{names[place.rule]}\b.*\s-", place.text, re.DOTALL) is not None
    )


def asks_dockers_check(place: Place) -> bool:
    """Where Docker has the rule, it is Docker's: no HEALTHCHECK, none below SHELL, evaluated paths."""
    return place.rule in (
        "JSONArgsRecommended",
        "WorkdirRelativePath",
        "RedundantTargetPlatform",
        "ReservedStageName",
    )


def marks_those_that_are_lost(place: Place) -> bool:
    """Of several CMD we mark those without effect, hadolint those behind the first."""
    return place.rule == "MultipleInstructionsDisallowed"


def knows_variables_of_env(place: Place) -> bool:
    """A user that ENV gives is as good as one that ARG gives."""
    return not place.ours and place.rule == "DL3066" and "$" in place.text


def sees_pipefail_in_the_script(place: Place) -> bool:
    """``set -o pipefail`` does what SHELL would do."""
    return not place.ours and place.rule == "DL4006" and "pipefail" in place.text


def inherits_the_shell(place: Place) -> bool:
    """A stage has the SHELL of the stage that it goes on from."""
    view = place.subject.stage_of(place.instruction)
    return place.rule == "DL4006" and not place.ours and view.parent is not None


def knows_go_files(place: Place) -> bool:
    """``go run main.go`` runs a file."""
    return not place.ours and place.rule == "DL3062" and ".go" in place.text


def counts_commands_by_variable(place: Place) -> bool:
    """``$BIN/tool`` is a command as well."""
    runs = [each for _, each in place.subject.each("RUN") if each.start_line <= place.instruction.start_line]
    near = {each.span.start for each in runs[-2:]}
    calls = (call for call in place.subject.calls if call.instruction.span.start in near)
    return place.rule == "DL3059" and any(call.words[0].text is None for call in calls)


EXCEPTIONS: tuple[Callable[[Place], bool], ...] = (
    sees_through_others,
    looks_into_onbuild,
    leaves_other_shells_alone,
    reads_exec_forms_as_words,
    tells_all_of_shellcheck,
    cleans_by_path,
    knows_aliases,
    knows_which_flags_take_values,
    asks_dockers_check,
    marks_those_that_are_lost,
    knows_variables_of_env,
    sees_pipefail_in_the_script,
    inherits_the_shell,
    knows_go_files,
    counts_commands_by_variable,
)


# --- running them ----------------------------------------------------------------------------------


def timed(command: list[str], folder: Path, times: int, **more: str) -> tuple[float, str]:
    """Best seconds of ``times`` runs, and what was printed."""
    best, text = float("inf"), ""
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(times):
            start = time.perf_counter()
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "XDG_CACHE_HOME": cache, **more},
            )
            best = min(best, time.perf_counter() - start)
            text = done.stdout
            if done.returncode not in (0, 1):
                raise SystemExit(f"{command[0]}: {done.stderr[:2000]}")
    return best, text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", action="append", default=[])
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    files = sorted(str(path.relative_to(arguments.folder)) for path in arguments.folder.rglob("*Dockerfile*"))
    known = {}
    for name in files:
        try:
            known[name] = Subject(parse(SourceFile.from_bytes(name, (arguments.folder / name).read_bytes())))
        except DockerfileError:
            pass
    seconds, text = timed(
        [str(BIN / "hadolint"), "--no-fail", "-f", "json", *files], arguments.folder, arguments.times
    )
    print(f"hadolint                     {seconds:6.2f} s")
    theirs, unread = of_hadolint(json.loads(text))
    ours_seconds, text = timed(
        [str(BIN / "layerc"), "lint", "--no-cache", "--no-config", "--format", "json", *files],
        arguments.folder,
        arguments.times,
    )
    print(f"layerc                       {ours_seconds:6.2f} s")
    ours = of_layerc(json.loads(text))
    readable = {name: subject for name, subject in known.items() if name not in unread}
    print(f"{len(files)} files, {len(known)} read by layerc, {len(files) - len(unread)} by hadolint")
    agreement(theirs, ours, readable, set(arguments.show))
    return 0


def of_hadolint(document: list[dict[str, Any]]) -> tuple[dict[str, dict[str, set[int]]], set[str]]:
    found: dict[str, dict[str, set[int]]] = {}
    unread = set()
    for each in document:
        if each["code"] == "DL1000":
            unread.add(each["file"])
        found.setdefault(NAMES.get(each["code"], each["code"]), {}).setdefault(each["file"], set()).add(
            each["line"]
        )
    return found, unread


def of_layerc(document: dict[str, Any]) -> dict[str, dict[str, set[int]]]:
    found: dict[str, dict[str, set[int]]] = {}
    for each in document["findings"]:
        found.setdefault(each["code"], {}).setdefault(each["file"], set()).add(each["line"])
    return found


def agreement(theirs, ours, subjects, show) -> None:
    shared = {
        rule.id
        for rule in RULES
        if rule.id.startswith("DL") or any(name.startswith("DL") for name in rule.equivalents)
    } - {"LC001"}
    shared |= {code for code in (*theirs, *ours) if code.startswith("SC")}
    print(f"{'rule':32}{'hadolint':>9}{'layerc':>9}{'agree':>9}{'excused':>9}")
    for rule in sorted(shared):
        left, right = theirs.get(rule, {}), ours.get(rule, {})
        if not left and not right:
            continue
        wrong, excused = 0, Counter()
        for name, subject in subjects.items():
            starts = {}

            def starts_at(line):
                for each in subject.instructions:
                    if each.start_line <= line <= each.end_line:
                        return each
                return None

            a = {i.start_line: i for line in left.get(name, ()) if (i := starts_at(line))}
            b = {i.start_line: i for line in right.get(name, ()) if (i := starts_at(line))}
            bad = False
            for line in sorted(a.keys() ^ b.keys()):
                instruction = a.get(line) or b[line]
                place = Place(
                    subject,
                    instruction,
                    rule,
                    line in b,
                    frozenset(code for code, files in theirs.items() if line in files.get(name, ())),
                )
                reason = next((each.__name__ for each in EXCEPTIONS if each(place)), None)
                if reason:
                    excused[reason] += 1
                    continue
                bad = True
                if rule in show or "all" in show:
                    print(
                        f"  {'layerc' if line in b else 'hadolint'} only: {name}:{line} {place.text[:300]!r}"
                    )
            wrong += bad
        total = len(subjects)
        print(
            f"{rule:32}{sum(len(x) for n, x in left.items() if n in subjects):9}{sum(len(x) for n, x in right.items() if n in subjects):9}{100 * (total - wrong) / total:8.1f}% {wrong} {dict(excused) or ''}"
        )


if __name__ == "__main__":
    raise SystemExit(main())
