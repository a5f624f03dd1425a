"""All passes together on made-up Dockerfiles: what is built in memory before and after is the same."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from optimizing import with_images
from tiny_images import BASE_DIRECTORIES, BuildError, Tree, build

from layerc.compiler.graph.operations import Base
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.optimize.facts import Commit, ContextFile, Facts
from layerc.compiler.optimize.manager import Result, optimize
from layerc.compiler.options import BaseImage, CompileOptions, ImageRequest
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

CONTEXT = {
    "Dockerfile": "",
    "a.txt": "a",
    "b.txt": "b",
    "package.json": "{}",
    "package-lock.json": "{}",
    "requirements.txt": "flask",
    "src/main.c": "int main;",
    "src/package.json": "{}",
    "src/up": "->/srv",
    "to": "->src",
}
COMMANDS = [
    *("apt-get update", "apt-get install -y gcc", "apt-get install -y curl", "rm -rf /var/lib/apt/lists/*"),
    *("apt-get clean", "npm ci", "pip install -r requirements.txt", "make", "make -C /app", "cp a.txt c.txt"),
    *("cp /app/a.txt /opt/a", "cp /app/b.txt /etc/apt/apt.conf", "echo $A > /a", "echo x > /app/made", "mkdir -p /data"),
    *("mkdir -p /app/src", "mkdir -p /app", "cd /app", "cd src", "cd /tmp", "export A=2", "A=3", "set -e"),
    *("ln -s /srv /data", "ln -s /app /srv/app", "rm -rf /data", "rm -f /app/b.txt", "rm -rf /app/node_modules"),
    *("tool /app/a.txt /opt/t", "tool /data/a.txt /opt/u", "tool /opt/t /app/v", "tool package.json p", "touch /srv/x"),
    *("touch /data/x", "chown app /app/a.txt", "echo ${A:=5} > /b", "curl -o /tmp/z https://e.org/z", "rm /tmp/z"),
    *("rm -rf /tmp/*", "(cd /app && cp a.txt d.txt)", "test -f /app/a.txt", "false", "true", "echo more >> /a"),
    *("cp /opt/t /tmp/t", "rm -rf /opt/t /tmp/t", "echo y > /etc/hosts", "rm -rf /app", "cp /srv/a.txt /opt/w", "tool /app/src/up/a.txt /opt/q"),
]  # fmt: skip
COPIES = [
    *("COPY . .", "COPY . /app", "COPY . /app/", "COPY package.json package-lock.json ./", "COPY requirements.txt ."),
    *("COPY a.txt /data/", "COPY a.txt /data", "COPY src /app/src", "COPY src src", "COPY a.txt b.txt /app/"),
    *("COPY to /data", "COPY --chown=app . /app/", "COPY --chown=app a.txt /app/", "COPY $A.txt /app/"),
    *("COPY --from=0 /opt /opt", "COPY --from=0 /usr/bin /usr/bin", "ADD b.txt /etc/apt/apt.conf"),
    *("COPY b.txt /etc/apt/apt.conf", "COPY a.txt /srv/", "COPY a.txt /app/src/up/"),
]  # fmt: skip
STATES = [
    *("ENV A=a", "ENV A=b B=1", "ARG A=b", "ARG B", "USER app", "USER root", "WORKDIR /app", "WORKDIR src"),
    *("WORKDIR /data", "WORKDIR /", "LABEL a=1", "CMD x", "VOLUME /data", "# a comment\nLABEL b=2", "WORKDIR /app"),
]  # fmt: skip
#: What a step takes that shows in which state it runs: such steps are moved.
SHORT = [
    *("tool /opt/t made", "echo $A$B > /state", "tool /etc/passwd here", "apt-get install -y gcc", "npm ci"),
    *("mkdir -p made-here", "touch a-file", "pip install -r requirements.txt", "tool a.txt /opt/t", "make"),
]  # fmt: skip


@st.composite
def runs(draw: st.DrawFn) -> str:
    pool = draw(st.sampled_from([COMMANDS, COMMANDS, SHORT]))
    commands = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=5 if pool is COMMANDS else 2))
    between = draw(st.sampled_from([" && ", " && ", " \\\n    # and\n && ", " && \\\n    ", " ; ", " || "]))
    flags = draw(st.sampled_from(["", "", "", "--network=host "]))
    return f"RUN {flags}{between.join(commands)}"


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    steps = st.lists(
        st.one_of(runs(), st.sampled_from(COPIES), st.sampled_from(STATES)), min_size=1, max_size=9
    )
    first, *rest = draw(st.lists(steps, min_size=1, max_size=2))
    lines = ["FROM debian AS one", *(line for line in first if "--from" not in line)]
    for each in rest:
        lines += [draw(st.sampled_from(["FROM debian AS two", "FROM one AS two"])), *each]
    return "\n".join(lines) + "\n"


def facts_of(plan: LayerPlan, seen: Mapping[str, bool]) -> Facts:
    """What is known: files, the base's directories, and of some steps what they did."""
    files = [
        ContextFile(path, "symlink" if text[:2] == "->" else "file", 9, text[2:])
        for path, text in CONTEXT.items()
    ]
    bases = [layer.id for layer in plan.layers if isinstance(layer.operation, Base)]
    built = build(plan, CONTEXT)
    return Facts(
        observed={layer: each for layer, each in built.seen.items() if seen.get(layer[0], True)},
        contexts={"": tuple(sorted([*files, ContextFile("src", "directory")]))},
        manifests={
            path: CONTEXT[path].encode() for path in ("package.json", "package-lock.json", "requirements.txt")
        },
        commits=(
            Commit("1", 0, ("a.txt", "src/main.c")),
            Commit("2", 0, ("src/main.c",)),
            Commit("3", 0, ("b.txt",)),
        ),
        links={base: {} for base in bases},
        directories=dict.fromkeys(bases, frozenset(BASE_DIRECTORIES)),
        others=dict.fromkeys(bases, frozenset[str]()),
    )


def optimized(text: str, seen: Mapping[str, bool] | None) -> tuple[Result, Facts]:
    """``seen`` says of which steps a build was observed, by the first letter of the layer's id; none: of none."""
    document = parse(SourceFile("Dockerfile", text))

    def run(known: Mapping[ImageRequest, BaseImage]) -> tuple[Result, Facts]:
        plan = optimize(document, CompileOptions(), known, Facts(), 0).plan
        facts = facts_of(plan, seen or {})
        facts = facts if seen is not None else facts._replace(observed={})
        return optimize(document, CompileOptions(), known, facts), facts

    return with_images(run, {})


def tree_of(plan: LayerPlan) -> Tree:
    """The file system of the image."""
    top = plan.images[0].layer
    return {} if top is None else build(plan, CONTEXT).trees[top]


@given(
    dockerfiles(),
    st.one_of(st.none(), st.dictionaries(st.sampled_from("0123456789abcdef"), st.booleans(), max_size=8)),
)
@settings(max_examples=60, deadline=None)
def test_the_image_is_the_same(text: str, seen: Mapping[str, bool] | None) -> None:
    try:
        result, _ = optimized(text, seen)
    except BuildError:
        assume(False)
    assert not result.problems
    assert tree_of(result.plan) == tree_of(result.original), result.draft.text
    assert [image.config for image in result.plan.images] == [
        image.config for image in result.original.images
    ]
    if seen is None:
        again, _ = optimized(result.draft.text, seen)
        assert again.draft.text == result.draft.text, "the output is no fixed point"
