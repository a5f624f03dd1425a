"""How long a fleet of 100,000 layers takes to answer, once it is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from layerc.compiler.config import ImageConfig
from layerc.compiler.fleet.affected import affected, base_change
from layerc.compiler.fleet.builds import Build
from layerc.compiler.fleet.fleet import Fleet, Member
from layerc.compiler.graph.graph import LayerGraph
from layerc.compiler.graph.layer import ImageLayer
from layerc.compiler.graph.operations import Base, Run
from layerc.compiler.graph.plan import ImagePlan
from layerc.compiler.references import parse_reference
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

IMAGES, STEPS = 2000, 50


def make_fleet() -> Fleet:
    """2,000 images of 50 steps: a tree, in which ten images are made of each; they take a second to make."""
    base = ImageLayer(Base("docker.io/library/debian:12", "linux/amd64"))
    layers, members = [base], []
    document = parse(SourceFile("Dockerfile", "FROM scratch\n"))
    for number in range(IMAGES):
        below = (number - 1) // 10
        top = base.id if number == 0 else members[below].top
        own = []
        for step in range(STEPS):
            layer = ImageLayer(Run((f"step {number} {step}",)), parent=top)
            own.append(layer)
            top = layer.id
        layers += own
        ids = tuple(layer.id for layer in own)
        build = Build(document.source, document, (parse_reference(f"acme/i{number}"),))
        needs = {below: ids[:1]} if number else {}
        bases = () if number else (base.id,)
        image = ImagePlan("", "linux/amd64", top, ImageConfig())
        members.append(Member(build, image, ((base.id,) if not number else ()) + ids, top, needs, bases))
    return Fleet(tuple(members), LayerGraph(layers))


@pytest.mark.parametrize(("changed", "rebuilt"), [("debian:12", IMAGES), ("acme/i1", 999)])
def test_what_is_affected(benchmark: Any, changed: str, rebuilt: int) -> None:
    fleet = make_fleet()
    answer = benchmark.pedantic(
        lambda: affected(fleet, base_change(fleet, changed)), rounds=3, warmup_rounds=1
    )
    assert len(answer.rebuilds) == rebuilt
    assert benchmark.stats.stats.min < 1
