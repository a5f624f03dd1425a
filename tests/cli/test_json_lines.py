"""Progress for programs: a line an event, nothing lost."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path

from recorded import Clock, failing_build, parallel_build

from layerc.runtime.cli.progress.json_lines import JsonProgress
from layerc.runtime.events import StepOutput

HERE = Path(__file__).parent / "transcripts"


def test_transcript(golden: Callable[[Path, str], None]) -> None:
    clock, out = Clock(), io.StringIO()
    with JsonProgress(out, clock) as progress:
        for event in chain(parallel_build(clock), failing_build()):
            progress(event)
    golden(HERE / "build.json.txt", out.getvalue())


def test_output_that_is_no_text_is_not_lost() -> None:
    out = io.StringIO()
    JsonProgress(out)(StepOutput("a", 1, b"a\xff"))
    assert base64.b64decode(json.loads(out.getvalue())["base64"]) == b"a\xff"


def test_nobody_reads_any_more() -> None:
    out = io.StringIO()

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            out.write("tried\n")
            raise BrokenPipeError

    progress = JsonProgress(Closed())
    for event in failing_build():
        progress(event)
    assert out.getvalue() == "tried\n"
