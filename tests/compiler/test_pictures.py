"""Pictures as SVG and as a page: sound documents, nothing foreign in them, nothing on top of anything else."""

from __future__ import annotations

import base64
import hashlib
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from compiling import CASES, compile_case, compile_text
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.compiler.emit import html, svg
from layerc.compiler.emit.annotation import STATES, Annotation
from layerc.compiler.emit.difference import draw_difference
from layerc.compiler.emit.layout import BOX_WIDTH, Layout, lay_out
from layerc.compiler.emit.picture import Picture, draw
from layerc.compiler.graph.plan import LayerPlan

HOSTILE = (
    'FROM scratch AS "\nRUN x\n'.replace('"', "a")
    + 'RUN echo "</script><script>alert(1)</script><img src=x onerror=alert(2)>" ]]> &lt; --><!--\n'
    + "RUN echo '\"><svg onload=alert(3)>' \x1b[31m \u202egnp.exe \ud800\n"
    + "RUN <<EOF\n</title></text><style>*{display:none}</style>\nEOF\n"
)
DOCS = CASES.parents[1] / "docs"
INSTALL = "RUN pip install --no-cache-dir -r requirements.txt\n"
MANY = "\n".join(
    f"FROM scratch AS s{number // 50}"
    if number % 50 == 0
    else f"COPY --from=s{number // 50 - 1} /x{number} /"
    if number % 13 == 0 and number > 50
    else f"RUN command {number}"
    for number in range(510)
)


class Page(HTMLParser):
    """Tags with attributes, and what is in the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        if "td" in self.open:
            self.cells[-1] += data

    def attributes(self) -> list[tuple[str, str | None]]:
        return [item for _, attributes in self.tags for item in attributes.items()]


def known(plan: LayerPlan) -> dict[str, Annotation]:
    states = list(STATES)
    return {
        layer.id: Annotation(
            states[number % len(states)], number % 7 + 0.5, number * 1000, f"note <{number}>"
        )
        for number, layer in enumerate(plan.layers)
    }


def hostile() -> LayerPlan:
    return compile_text(HOSTILE)


@pytest.mark.parametrize("annotated", [False, True])
def test_no_text_becomes_markup(annotated: bool) -> None:
    plan = hostile()
    text = html.emit(plan, known(plan) if annotated else {})
    text.encode()  # no half of a character is left
    page = Page(text)
    (script,) = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policies = [dict(attributes) for tag, attributes in page.tags if tag == "meta"]
    (policy,) = [item["content"] for item in policies if item.get("http-equiv") == "Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"img", "iframe", "link", "object", "base", "form", "a"}
    assert [tag for tag, _ in page.tags].count("svg") == 1
    assert [tag for tag, _ in page.tags].count("style") == 1
    names = {name for name, _ in page.attributes()}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "href", "xlink:href"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    assert any("<img src=x onerror=alert(2)>" in cell for cell in page.cells)


def test_an_svg_is_sound_and_on_its_own() -> None:
    plan = hostile()
    text = svg.emit(plan, known(plan))
    root = ET.fromstring(text)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"svg", "title", "style", "rect", "text", "tspan", "g", "path"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]
    assert not re.search(r"url\(|@import|href", text)
    assert text.count("http") == text.count('xmlns="http://www.w3.org/2000/svg"')


def test_long_texts_are_cut_and_all_there_on_hover() -> None:
    word, wide = "x" * 300, "\u65e5" * 90
    text = svg.emit(compile_text(f"FROM scratch\nRUN make {word} {wide}\n"))
    root = ET.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    (box,) = [item for item in root.iter(f"{space}g") if item.get("id") == "layer0"]
    lines = ["".join(item.itertext()) for item in box.findall(f"{space}text")]
    assert all(len(line) <= 43 for line in lines)
    assert lines[1].endswith("\u2026")
    assert word in (box.findtext(f"{space}title") or "")
    assert word in (box.get("aria-label") or "")


def test_states_times_and_sizes_are_shown() -> None:
    plan = compile_text("FROM scratch AS a\nRUN one\nFROM scratch\nRUN two\nCOPY --from=a /x /\n")
    one, two, copy = plan.layers
    told = {
        one.id: Annotation("cached", 61.0, 84_000_000),
        two.id: Annotation("ran", 2.0, 500, "src/a.c changed"),
        copy.id: Annotation("ran", 0.5, 3000),
    }
    picture = draw(plan, told)
    assert [box.is_critical for box in picture.boxes] == [True, False, True]
    assert picture.critical == 61.5
    page = html.emit(plan, told)
    assert "3 steps \u00b7 2 stages \u00b7 1 cached \u00b7 2 ran \u00b7 1 min 4 s of work" in page
    assert "critical path 1 min 2 s" in page
    assert {"1 min 1 s", "84.0 MB", "src/a.c changed", "Dockerfile:4"} <= set(Page(page).cells)
    assert 'class="box cached critical"' in page
    drawn = svg.emit(plan, told)
    assert "found in the cache" in drawn
    assert "files read" in drawn


def test_a_difference_tells_what_was_moved_added_and_removed() -> None:
    before = compile_text("FROM scratch AS s\nCOPY . .\nRUN install\nRUN old\nRUN install\n")
    after = compile_text("FROM scratch AS s\nCOPY list .\nRUN install\nRUN install\nCOPY . .\n")
    picture = draw_difference(before, after, {before.layers[1].id: Annotation("ran", 40.0)})
    told = {lane.title: [(box.text, box.annotation.state) for box in lane.boxes] for lane in picture.lanes}
    assert told == {
        "before": [
            *(("COPY . .", "moved"), ("RUN install", "")),
            *(("RUN old", "removed"), ("RUN install", "")),
        ],
        "after": [
            *(("COPY list .", "new"), ("RUN install", "")),
            *(("RUN install", ""), ("COPY . .", "moved")),
        ],
    }
    assert picture.lanes[1].boxes[1].annotation.seconds == 40.0
    assert picture.summary.startswith("4 steps before, 4 after \u00b7 1 moved \u00b7 1 new \u00b7 1 removed")
    check(picture)
    assert "link-moved" in svg.emit_picture(picture)
    assert Page(html.emit_picture(picture, "<t>", "<n>")).scripts


def test_equal_plans_have_no_difference() -> None:
    plan = compile_case(CASES / "stages-by-name-and-number")
    picture = draw_difference(plan, plan)
    assert {box.annotation.state for box in picture.boxes} == {""}


def check(picture: Picture) -> Layout:
    """Nothing lies on anything else: boxes are apart and in their lanes, arrows go past boxes and down."""
    height = 50.0
    layout = lay_out(picture, height)
    boxes = {placed.box.name: placed for placed in layout.boxes}
    assert len({(placed.x, placed.y) for placed in layout.boxes}) == len(layout.boxes)
    rows = {placed.y for placed in layout.boxes}
    assert all(abs(one - other) >= height for one in rows for other in rows if one != other)
    for column in layout.columns:
        for box in column.lane.boxes:
            placed = boxes[box.name]
            assert column.x < placed.x
            assert placed.x + BOX_WIDTH < column.x + column.width
            assert placed.y + height < column.y + column.height
    spans = sorted((column.x, column.x + column.width) for column in layout.columns)
    assert all(one[1] < two[0] for one, two in pairwise(spans))
    for arrow, points in layout.routes:
        if arrow.kind in ("same", "moved"):
            continue
        assert points[0][1] < points[-1][1]
        for (ax, ay), (bx, by) in pairwise(points):
            assert ax == bx or ay == by
            assert 0 <= min(ax, bx) <= max(ax, bx) <= layout.width
            for placed in layout.boxes:
                inside = (
                    max(ax, bx) > placed.x
                    and min(ax, bx) < placed.x + BOX_WIDTH
                    and max(ay, by) > placed.y
                    and min(ay, by) < placed.y + height
                )
                assert not inside, (arrow, placed.box.text)
    return layout


def test_plans_of_the_corpus_are_laid_out_apart() -> None:
    folders = [file.parent for file in sorted(CASES.glob("*/plan.json"))]
    assert len(folders) > 20
    for folder in folders:
        check(draw(compile_case(folder)).in_file_order())


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    lines = []
    for stage in range(draw(st.integers(1, 6))):
        base = draw(st.sampled_from(["scratch", "debian", *(f"s{below}" for below in range(stage))]))
        lines.append(f"FROM {base} AS s{stage}")
        for number in range(draw(st.integers(0, 4))):
            below = draw(st.integers(0, stage))
            named = f"--from=s{below} " if below < stage else ""
            lines.append(f"COPY {named}/f{stage}{number} /t/")
    last = len([line for line in lines if line.startswith("FROM")])
    lines += ["FROM scratch", *(f"COPY --from=s{number} /z /z{number}" for number in range(last))]
    return "\n".join(lines) + "\n"


@settings(max_examples=60)
@given(dockerfiles())
def test_any_graph_is_laid_out_apart(text: str) -> None:
    check(draw(compile_text(text)))


def test_pictures_of_the_documentation(golden: Callable[[Path, str], None]) -> None:
    plan = compile_text((CASES / "tour" / "Dockerfile").read_text())
    told = [
        Annotation("cached", None, 78_400_000, "nothing changed"),
        Annotation("cached", 0.01, 2048, "nothing changed"),
        Annotation("ran", 0.02, 3072, "hello.c changed (content)"),
        Annotation("ran", 1.8, 760_320, "/src/hello.c changed (content)"),
        Annotation("ran", 0.03, 759_296, "in build: /src/hello changed (content)"),
    ]
    known = {layer.id: item for layer, item in zip(plan.layers, told, strict=True)}
    golden(DOCS / "plan-picture.svg", svg.emit(plan, known))
    before = compile_text(f"FROM python\nWORKDIR /app\nCOPY . .\n{INSTALL}RUN make\n")
    after = compile_text(f"FROM python\nWORKDIR /app\nCOPY requirements.txt .\n{INSTALL}COPY . .\nRUN make\n")
    seconds = (None, 0.01, 0.2, 38.0, 2.5)
    times = {layer.id: Annotation("ran", item) for layer, item in zip(before.layers, seconds, strict=True)}
    golden(DOCS / "rewrite-picture.svg", svg.emit_picture(draw_difference(before, after, times)))


def test_five_hundred_steps_are_drawn_in_a_moment() -> None:
    plan = compile_text(MANY)
    start = time.process_time()
    page = html.emit(plan, known(plan))
    assert time.process_time() - start < 5
    assert len(plan.layers) > 480
    assert len(page) < 2_000 * len(plan.layers)
