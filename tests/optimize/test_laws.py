"""Laws of the passes that move and remove instructions, on made-up Dockerfiles."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from optimizing import optimize_text, with_images

from layerc.compiler import compile_dockerfile
from layerc.compiler.config import ImageConfig
from layerc.compiler.graph.operations import Copy, Operation, Run
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.options import BaseImage, CompileOptions, ImageRequest
from layerc.compiler.unread import reading_of
from layerc.grammar.errors import LayercError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

PASSES = ["prune-stages", "prune-steps", "merge-equal", "metadata"]
LINES = [
    "ARG A", "ARG A=1", "ARG B=$A", "# layerc: named-only\nARG C=3", 'ENV A=1', "ENV A=2 B=1", "ENV B=$A", "ENV D=${C:-x}",
    "LABEL a=1", "LABEL a=$A", 'LABEL "a"=2 b=1', "EXPOSE 80", "EXPOSE $B", "USER one", "USER two", "USER $A",
    "WORKDIR /w", "WORKDIR w", "WORKDIR /w/$C", "RUN true", "RUN make", "RUN mkdir -p /x", "RUN echo $A > /a",
    "RUN rm -rf /w", "RUN --network=none :", 'SHELL ["/bin/sh", "-c"]', 'SHELL ["/x", "-c"]', "COPY $B /b", "COPY . .",
    'CMD ["a"]', "CMD b $A", 'ENTRYPOINT ["e"]', "HEALTHCHECK NONE", "HEALTHCHECK CMD x", "STOPSIGNAL 9", "STOPSIGNAL $A",
    "VOLUME /v", "ONBUILD RUN x", "COPY --from=0 /a /b", "COPY --from=one /a /c", "RUN --mount=from=one,target=/m x",
]  # fmt: skip
FROMS = [
    "FROM scratch",
    "FROM scratch AS one",
    "FROM one",
    "FROM one AS two",
    "FROM debian",
    "FROM scratch AS two",
]


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    stages = draw(st.lists(st.tuples(st.sampled_from(FROMS), st.lists(st.sampled_from(LINES), max_size=9)), min_size=1, max_size=4))  # fmt: skip
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return "".join(f"{line}\n" for from_, lines in stages for line in (from_, *lines)).replace("\n", newline)


def work(text: str, build_args: dict[str, str]) -> tuple[list[Operation], list[ImageConfig]]:
    """What the steps of each image do, without what has no effect; and the configs."""
    document = parse(SourceFile("Dockerfile", text))

    def compiled(known: Mapping[ImageRequest, BaseImage]) -> LayerPlan:
        return compile_dockerfile(document, CompileOptions(build_args=build_args), known)

    plan = with_images(compiled, {})
    layers = {layer.id: layer for layer in plan.layers}
    found: list[Operation] = []
    top = plan.images[0].layer
    left = [top] if top else []
    while left:
        layer = layers[left.pop()]
        left += layer.references
        if isinstance(layer.operation, Run):
            if layer.operation.argv[-1] == "true" and layer.operation.argv[0] == "/bin/sh":
                continue
            env = tuple(pair for pair in layer.operation.env if _is_read(layer.operation, pair[0]))
            found.append(layer.operation._replace(env=env, named_only=()))
        elif isinstance(layer.operation, Copy):
            found.append(layer.operation)
    return found, [image.config for image in plan.images]


def _is_read(run: Run, name: str) -> bool:
    promised = name == "C" and "C" not in run.argv[-1]
    return not promised and bool(reading_of(run, name))


@given(dockerfiles(), st.sampled_from([{}, {"A": "7"}, {"B": "8", "C": "9"}]))
@settings(max_examples=60, deadline=None)
def test_images_stay_and_steps_see_the_same(text: str, build_args: dict[str, str]) -> None:
    try:
        result = optimize_text(SourceFile("Dockerfile", text), only=PASSES)
    except LayercError:
        return
    assert not result.problems
    after = result.draft.text
    again = optimize_text(SourceFile("Dockerfile", after), only=PASSES)
    assert again.draft.text == after
    try:
        expected = work(text, build_args)
    except LayercError:
        return
    assert work(after, build_args) == expected


@given(dockerfiles())
@settings(max_examples=30, deadline=None)
def test_all_passes_keep_what_must_be_kept(text: str) -> None:
    for level in (1, 2):
        try:
            result = optimize_text(SourceFile("Dockerfile", text), level=level)
        except LayercError:
            return
        assert not result.problems
        again = optimize_text(SourceFile("Dockerfile", result.draft.text), level=level)
        assert again.draft.text == result.draft.text
