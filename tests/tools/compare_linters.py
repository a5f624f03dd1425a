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
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
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
SHARED = {rule.id for rule in RULES if rule.id.startswith("DL")} | set(NAMES.values())
WANTED = 0.99
Found = dict[str, dict[str, set[int]]]  # rule → file → lines


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
        "SecretsUsedInArgOrEnv",
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


class Run(NamedTuple):
    """The best of some runs: seconds of the whole process on the clock and of processors, and what was printed."""

    clock: float
    processors: float
    text: str


def timed(command: list[str], folder: Path, times: int) -> Run:
    """Run ``command`` in ``folder``; results of earlier runs are not there."""
    best = Run(float("inf"), float("inf"), "")
    with tempfile.TemporaryDirectory() as cache:
        for _ in range(times):
            used, start = used_by_children(), time.perf_counter()
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "XDG_CACHE_HOME": cache},
            )
            run = Run(time.perf_counter() - start, used_by_children() - used, done.stdout)
            if done.returncode not in (0, 1):
                raise SystemExit(f"{command[0]}: {done.stderr[:2000]}")
            best = min(best, run)
    return best


def used_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def commands(files: list[str]) -> dict[str, list[str]]:
    """What is timed; the first of hadolint's and of ours is also compared."""
    lint = [str(BIN / "layerc"), "lint", "--no-config", "--format", "json"]
    tally = [str(BIN / "tally"), "lint", "--slow-checks=off", "--no-config", "--format", "json"]
    return {
        "hadolint": [str(BIN / "hadolint"), "--no-fail", "--format", "json", *files],
        "layerc": [*lint, "--no-cache", *files],
        "tally, without slow checks": [*tally, *files],
        "layerc, without ShellCheck": [*lint, "--no-cache", "--ignore", "SC", *files],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", metavar="RULE", action="append", default=[], help="or all: tell the places")
    parser.add_argument("--times", type=int, default=1, help="runs of each; the best counts")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*Dockerfile*") if path.is_file())
    subjects = {name: subject for name in files if (subject := subject_of(folder, name)) is not None}
    print(f"{len(files)} files, {len(files) - len(subjects)} of them left out: Docker's parser refuses them")
    files = list(subjects)
    print(f"{'':28}{'clock':>9}{'processors':>12}")
    runs = {}
    for name, command in commands(files).items():
        runs[name] = timed(command, folder, arguments.times)
        print(f"{name:28}{runs[name].clock:7.2f} s{runs[name].processors:10.2f} s", flush=True)
    theirs, unread = of_hadolint(json.loads(runs["hadolint"].text))
    ours = of_layerc(json.loads(runs["layerc"].text))
    subjects = {name: subject for name, subject in subjects.items() if name not in unread}
    print(f"{len(subjects)} files are compared; {len(unread)} hadolint can not read\n")
    return agreement(theirs, ours, subjects, set(arguments.show))


def subject_of(folder: Path, name: str) -> Subject | None:
    try:
        subject = Subject(parse(SourceFile.from_bytes(name, (folder / name).read_bytes())))
    except DockerfileError:
        return None
    return subject if subject.program is not None else None


def of_hadolint(document: list[dict[str, Any]]) -> tuple[Found, set[str]]:
    found: Found = defaultdict(lambda: defaultdict(set))
    for each in document:
        found[NAMES.get(each["code"], each["code"])][each["file"]].add(each["line"])
    return found, set(found.pop("LC001", ()))


def of_layerc(document: dict[str, Any]) -> Found:
    found: Found = defaultdict(lambda: defaultdict(set))
    for each in document["findings"]:
        found[each["code"]][each["file"]].add(each["line"])
    return found


def agreement(theirs: Found, ours: Found, subjects: Mapping[str, Subject], show: set[str]) -> int:
    """Print a line for each shared rule; 1 if files disagree on one more often than they may."""
    print(f"{'rule':32}{'hadolint':>9}{'layerc':>9}{'agree':>9}  excepted")
    fails = 0
    for rule in sorted({*theirs, *ours}):
        if rule not in SHARED and not rule.startswith("SC"):
            continue
        excepted: Counter[str] = Counter()
        wrong = 0
        for name, subject in subjects.items():
            places = list(differences(rule, name, subject, theirs, ours))
            reasons = [next((why.__name__ for why in EXCEPTIONS if why(place)), "") for place in places]
            excepted.update(filter(None, reasons))
            wrong += "" in reasons
            for place, reason in zip(places, reasons, strict=True):
                if not reason and show & {rule, "all"}:
                    who = "layerc" if place.ours else "hadolint"
                    print(f"  {who} alone, {name}:{place.instruction.start_line}: {place.text[:200]!r}")
        counts = [
            sum(len(found[rule][name]) for name in subjects if name in found[rule])
            for found in (theirs, ours)
        ]
        share = 1 - wrong / len(subjects)
        fails |= share < WANTED
        told = ", ".join(f"{name} {count}" for name, count in excepted.most_common())
        print(f"{rule:32}{counts[0]:9}{counts[1]:9}{100 * share:8.1f}%  {told}")
    return int(fails)


def differences(rule: str, name: str, subject: Subject, theirs: Found, ours: Found) -> Iterator[Place]:
    """The instructions in which only one of them finds ``rule``."""
    left, right = (instructions(subject, found[rule].get(name, ())) for found in (theirs, ours))
    for line in sorted(left.keys() ^ right.keys()):
        instruction = right.get(line) or left[line]
        codes = (code for code, files in theirs.items() if line in files.get(name, ()))
        yield Place(subject, instruction, rule, line in right, frozenset(codes))


def instructions(subject: Subject, lines: Iterable[int]) -> dict[int, Instruction]:
    """The instructions in which ``lines`` are, by their first lines."""
    return {
        each.start_line: each
        for line in lines
        for each in subject.instructions
        if each.start_line <= line <= each.end_line
    }


if __name__ == "__main__":
    raise SystemExit(main())
