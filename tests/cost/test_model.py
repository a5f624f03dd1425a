"""The replay: small cases by hand, laws, and a simulation of both caches on made-up contents."""

from __future__ import annotations

import pytest
from compiling import compile_text
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.cost.changes import HALF_LIFE, Change, changes_of, kinds_of
from layerc.compiler.cost.model import MODELS, Model, Replayer, replay
from layerc.compiler.cost.reading import Reading
from layerc.compiler.cost.report import report, saving, wasted
from layerc.compiler.effects.paths import Reads, Writes
from layerc.compiler.graph.layer import ImageLayer
from layerc.compiler.graph.operations import Base, ContextPath, Copy, FromContext, FromLayer, Run
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.optimize.facts import NO_FACTS, Commit, ContextFile, Facts, Observation

DAY = 86400.0


def files(*paths: str) -> dict[str, tuple[ContextFile, ...]]:
    return {"": tuple(ContextFile(path, "file") for path in paths)}


def reads(*paths: str) -> Reads:
    return Reads(names=frozenset(paths))


def writes(*paths: str) -> Writes:
    return Writes(names=frozenset(paths))


def change(*paths: str, moved: tuple[str, ...] = ()) -> Change:
    return Change(frozenset(paths), frozenset(moved))


def observed(plan: LayerPlan, **seen: Observation) -> dict[str, Observation]:
    """Observations of the RUN steps whose command is the name."""
    return {
        layer.id: seen[layer.operation.argv[-1]]
        for layer in plan.layers
        if isinstance(layer.operation, Run) and layer.operation.argv[-1] in seen
    }


def steps(plan: LayerPlan, facts: Facts, model: Model, of: Change) -> list[str]:
    (rebuild,) = replay(plan, facts, model, [of])
    titles = {layer.id: layer.provenance.title for layer in plan.layers}
    return [titles[layer] for layer in rebuild.steps]


# --- by hand -----------------------------------------------------------------------------------------

UNFRIENDLY = "FROM node\nWORKDIR /app\nCOPY . .\nRUN get-deps\nRUN pack\nRUN check\n"
FRIENDLY = "FROM node\nWORKDIR /app\nCOPY deps .\nRUN get-deps\nCOPY . .\nRUN pack\nRUN check\n"
SEEN = {
    "get-deps": Observation(reads("/app", "/app/deps"), writes("/app/lib"), 30.0),
    "pack": Observation(reads("/app/main.c", "/app/lib"), writes("/app/program"), 10.0),
    "check": Observation(reads("/app/program"), Writes(), 2.0),
}


def unfriendly(text: str = UNFRIENDLY) -> tuple[LayerPlan, Facts]:
    plan = compile_text(text)
    return plan, Facts(observed(plan, **SEEN), files("deps", "main.c", "README"))


@pytest.mark.parametrize(
    ("path", "classic", "layerc"),
    [
        (
            "main.c",
            ["COPY . .", "RUN get-deps", "RUN pack", "RUN check"],
            ["COPY . .", "RUN pack", "RUN check"],
        ),
        ("README", ["COPY . .", "RUN get-deps", "RUN pack", "RUN check"], ["COPY . ."]),
        (
            "deps",
            ["COPY . .", "RUN get-deps", "RUN pack", "RUN check"],
            ["COPY . .", "RUN get-deps", "RUN pack", "RUN check"],
        ),
    ],
)
def test_the_whole_context_before_an_install(path: str, classic: list[str], layerc: list[str]) -> None:
    plan, facts = unfriendly()
    assert steps(plan, facts, "classic", change(path)) == classic
    assert steps(plan, facts, "layerc", change(path)) == layerc


def test_seconds_are_those_of_the_steps_that_run() -> None:
    plan, facts = unfriendly()
    copy = Replayer(plan, facts).time(plan.layers[2].id)
    assert not copy.measured
    (one,) = replay(plan, facts, "classic", [change("main.c")])
    assert one.seconds == pytest.approx(copy.seconds + 42)
    (other,) = replay(plan, facts, "layerc", [change("main.c")])
    assert other.seconds == pytest.approx(copy.seconds + 12)


def test_a_step_that_writes_nothing_cuts_the_chain_off() -> None:
    plan = compile_text("FROM a\nCOPY . /src\nRUN check\nRUN after\n")
    seen = observed(
        plan,
        check=Observation(reads("/src/a"), Writes(), 1.0),
        after=Observation(reads("/report"), writes("/done"), 1.0),
    )
    facts = Facts(seen, files("a"))
    assert steps(plan, facts, "layerc", change("a")) == ["COPY . /src", "RUN check"]
    assert steps(plan, facts, "classic", change("a")) == ["COPY . /src", "RUN check", "RUN after"]


def test_a_listing_sees_files_come_and_go_and_not_their_contents() -> None:
    plan = compile_text("FROM a\nCOPY . /src\nRUN list\n")
    facts = Facts(
        observed(plan, list=Observation(Reads(lists=frozenset({"/src"})), writes("/names"), 1.0)),
        files("a", "b/c"),
    )
    assert steps(plan, facts, "layerc", change("a")) == ["COPY . /src"]
    assert steps(plan, facts, "layerc", change("b/c", moved=("b/c",))) == ["COPY . /src"]
    assert steps(plan, facts, "layerc", change("old", moved=("old",))) == ["COPY . /src", "RUN list"]


def test_what_is_not_known_counts_as_everything() -> None:
    plan = compile_text("FROM a\nCOPY . /src\nRUN unheard-of-tool\nRUN other-tool\n")
    facts = Facts(contexts=files("a"))
    for model in MODELS:
        assert len(steps(plan, facts, model, change("a"))) == 3
        assert len(steps(plan, facts, model, change("b"))) == 3  # a file that is gone today


def test_a_stage_counts_by_what_is_copied_from_it() -> None:
    plan = compile_text(
        "FROM a AS build\nCOPY . /src\nRUN one\nRUN two\nFROM a\nCOPY --from=build /one /1/\nCOPY --link x /x/\n"
        "COPY --from=build /two /2/\nRUN end\n"
    )
    facts = Facts(
        observed(
            plan,
            one=Observation(reads("/src/x"), writes("/one"), 1.0),
            two=Observation(reads("/src/y"), writes("/two"), 1.0),
            end=Observation(reads("/2/two"), writes("/end"), 1.0),
        ),
        files("x", "y"),
    )
    last = ["COPY --from=build /two /2/", "RUN end"]
    assert steps(plan, facts, "layerc", change("y")) == ["COPY . /src", "RUN two", *last]
    # Both RUN steps run, but the first makes what it made before, so nothing above the second copy is touched.
    assert steps(plan, facts, "classic", change("y")) == ["COPY . /src", "RUN one", "RUN two", *last]
    first = ["COPY . /src", "RUN one", "COPY --from=build /one /1/", "COPY --link x /x/"]
    assert steps(plan, facts, "layerc", change("x")) == first
    assert steps(plan, facts, "classic", change("x")) == [*first[:2], "RUN two", *first[2:], *last]


def test_mounted_files_count_like_copied_ones() -> None:
    plan = compile_text("FROM a\nRUN --mount=type=bind,source=src,target=/s build\nRUN after\n")
    (layer,) = (layer for layer in plan.layers if "--mount" in layer.provenance.title)
    blind = Facts(contexts=files("src/a", "src/b", "x"))
    assert len(steps(plan, blind, "classic", change("src/b"))) == 2
    assert steps(plan, blind, "classic", change("x")) == []
    seen = Observation(Reads(), writes("/out"), 1.0, None, (reads("/src", "/src/a"),))
    facts = blind._replace(observed={layer.id: seen})
    assert steps(plan, facts, "layerc", change("src/a"))[0] == layer.provenance.title
    assert steps(plan, facts, "layerc", change("src/b")) == []
    listed = blind._replace(observed={layer.id: seen._replace(mounted=(Reads(lists=frozenset({"/src"})),))})
    assert steps(plan, listed, "layerc", change("src/b")) == []
    assert steps(plan, listed, "layerc", change("src/b", moved=("src/b",)))[0] == layer.provenance.title


def test_what_a_copy_replaces_does_not_decide_what_it_makes() -> None:
    plan = compile_text("FROM a\nCOPY deps /app/\nCOPY . /app\nRUN read-main\n")
    _, every = (layer for layer in plan.layers if isinstance(layer.operation, Copy))
    looked = Observation(reads("/app", "/app/deps"), writes("/app/deps", "/app/main.c", "/app/x"))
    seen = observed(plan, **{"read-main": Observation(reads("/app/main.c"), writes("/out"), 1.0)})
    facts = Facts({**seen, every.id: looked}, files("deps", "main.c", "x"))
    # The second copy has the edited file itself, and looks at the one that the first has put there.
    assert steps(plan, facts, "layerc", change("deps")) == ["COPY deps /app/", "COPY . /app"]
    # Names of owners are looked up: another /etc/passwd is another owner.
    text = "FROM a\nCOPY passwd /etc/\nCOPY --chown=me x /y\nRUN read-y\n"
    plan = compile_text(text)
    facts = Facts(
        observed(plan, **{"read-y": Observation(reads("/y"), writes("/out"), 1.0)}), files("passwd", "x")
    )
    assert len(steps(plan, facts, "layerc", change("passwd"))) == 3
    assert len(steps(plan, facts, "layerc", change("x"))) == 2


def test_a_volatile_step_makes_something_else_whenever_it_runs() -> None:
    text = "FROM a AS build\nCOPY . /src\nRUN {} > /out\nFROM a\nCOPY --from=build /out /\n"
    for command, count in (("apt-get update", 3), ("echo same", 2)):
        plan = compile_text(text.format(command))
        facts = Facts(contexts=files("src"))
        assert len(steps(plan, facts, "classic", change("src"))) == count
        assert len(steps(plan, facts, "layerc", change("src"))) == 1


# --- kinds of change ---------------------------------------------------------------------------------


def test_newer_commits_weigh_more() -> None:
    commits = (Commit("b", HALF_LIFE * DAY, ("x",)), Commit("a", 0.0, ("y",)))
    newer, older = changes_of(Facts(commits=commits))
    assert (newer.weight, older.weight) == pytest.approx((2 / 3, 1 / 3))
    assert (newer.id, older.id) == ("b", "a")


def test_a_directory_that_is_gone_came_or_went_with_its_files() -> None:
    facts = Facts(contexts=files("x"), commits=(Commit("a", 0.0, ("old/b/c",), frozenset({"old/b/c"})),))
    (found,) = changes_of(facts)
    assert found.paths == {"old/b/c"}
    assert found.moved == {"old/b/c", "old/b", "old"}


def test_without_a_history_one_file_at_a_time_is_assumed_to_change() -> None:
    facts = Facts(contexts=files("a", "b", "deps", ".git/index"), manifests={"deps": b""})
    found = {tuple(sorted(each.paths)): each.weight for each in changes_of(facts)}
    assert found == {("a",): pytest.approx(0.45), ("b",): pytest.approx(0.45), ("deps",): pytest.approx(0.1)}
    assert changes_of(NO_FACTS) == ()


@given(st.lists(st.floats(0, 1e10), min_size=1, max_size=20))
def test_the_shares_of_all_changes_are_a_whole(times: list[float]) -> None:
    commits = tuple(Commit(str(number), time, ("a",)) for number, time in enumerate(times))
    assert sum(each.weight for each in changes_of(Facts(commits=commits))) == pytest.approx(1)


def test_kinds_are_parts_of_the_context() -> None:
    found = kinds_of([change("src/a", "deps"), change("src/b/c", "deps"), change("src/deps")], ["src/deps"])
    assert found == {("deps", "src/"): (0, 1), ("src/deps",): (2,)}


# --- reports -----------------------------------------------------------------------------------------


def history(*paths: str) -> tuple[Commit, ...]:
    return tuple(Commit(str(number), 0.0, (path,)) for number, path in enumerate(paths))


def test_the_saving_of_a_better_order() -> None:
    before, facts = unfriendly()
    after, facts_after = unfriendly(FRIENDLY)
    commits = history("main.c", "main.c", "main.c", "deps")
    facts, facts_after = facts._replace(commits=commits), facts_after._replace(commits=commits)
    found = saving(before, after, facts, facts_after)
    # Three times in four 30 s less; the further COPY, an estimate, takes 0.1 s with the fourth.
    assert found.classic == pytest.approx(0.75 * 30 - 0.25 * 0.1)
    assert found.layerc == pytest.approx(-0.25 * 0.1)
    assert found.source == "history"
    assert (
        saving(before, after, facts._replace(commits=()), facts_after._replace(commits=())).source
        == "estimate"
    )


def test_the_time_that_a_wrong_order_costs() -> None:
    plan, facts = unfriendly()
    facts = facts._replace(commits=history("main.c", "main.c", "main.c", "deps"))
    ids = {layer.provenance.title: layer.id for layer in plan.layers}
    found = wasted(plan, facts, [ids["RUN get-deps"]])
    assert found == (pytest.approx(30), pytest.approx(0.75), "measured")
    assert wasted(plan, facts, [ids["RUN pack"]]) == (0, 0, "measured")
    both = wasted(plan, facts._replace(commits=history("main.c", "README")), ids.values())
    assert both.expected == pytest.approx(0.5 * 30 + 0.5 * 42)
    assert both.source == "history"  # the COPY was never measured


def test_the_sums_of_a_report_agree() -> None:
    plan, facts = unfriendly()
    found = report(plan, facts._replace(commits=history("main.c", "README", "deps", "gone")))
    for costs in found.before:
        assert costs.expected == pytest.approx(sum(step.expected for step in costs.steps))
        assert costs.expected == pytest.approx(costs.mean)  # all commits are equally old
        place = found.before.index(costs)
        assert costs.expected == pytest.approx(sum(kind.weight * kind.seconds[place] for kind in found.kinds))


# --- laws --------------------------------------------------------------------------------------------

SOURCES = ("a", "b", "d/c")
_path = st.lists(st.sampled_from("ab"), max_size=3).map(lambda parts: "/" + "/".join(parts))
_paths = st.frozensets(_path, max_size=3)


@given(st.builds(Reads, _paths, _paths, _paths), st.builds(Writes, _paths, _paths, _paths))
def test_a_prepared_reading_says_what_the_reads_say(read: Reads, written: Writes) -> None:
    assert Reading(read).meets(written) == (read.conflict(written) is not None)


@st.composite
def programs(draw: st.DrawFn) -> tuple[LayerPlan, Facts]:
    """Two stages of copies and steps, each of which writes a file of its own."""
    layers: list[ImageLayer] = [ImageLayer(Base("base", "linux/amd64"))]
    seen: dict[str, Observation] = {}
    made: list[list[str]] = [[], []]  # files by stage
    ends: list[ImageLayer] = []
    for stage in (0, 1):
        below = layers[0]
        for number in range(draw(st.integers(1, 5))):
            name = f"{stage}{number}"
            kind = draw(st.sampled_from(("copy", "run", "from") if stage and made[0] else ("copy", "run")))
            if kind == "copy":
                chosen = draw(st.lists(st.sampled_from(SOURCES), min_size=1, unique=True))
                sources = tuple(map(ContextPath, chosen))
                link = draw(st.booleans())
                layer = ImageLayer(Copy(FromContext(), sources, f"/{name}/", link=link), below.id)
                made[stage] += [f"/{name}/{path.rpartition('/')[2]}" for path in chosen]
            elif kind == "from":
                path = draw(st.sampled_from(made[0]))
                copy = Copy(FromLayer(0), (ContextPath(path),), f"/{name}/")
                layer = ImageLayer(copy, below.id, (ends[0].id,))
                made[1].append(f"/{name}/{path.rpartition('/')[2]}")
            else:
                layer = ImageLayer(Run((name,)), below.id)
                taken = draw(st.frozensets(st.sampled_from(made[stage]))) if made[stage] else frozenset()
                silent = draw(st.booleans())
                seen[layer.id] = Observation(
                    Reads(names=taken), Writes() if silent else writes(f"/{name}"), draw(st.floats(0, 9))
                )
                made[stage] += [] if silent else [f"/{name}"]
            layers.append(layer)
            below = layer
        ends.append(below)
    return LayerPlan(tuple(layers), ()), Facts(seen, files(*SOURCES))


changed = st.frozensets(st.sampled_from(SOURCES))


@given(programs(), changed)
def test_layerc_never_costs_more_than_a_classic_cache(
    program: tuple[LayerPlan, Facts], paths: frozenset[str]
) -> None:
    plan, facts = program
    (classic,) = replay(plan, facts, "classic", [Change(paths)])
    (layerc,) = replay(plan, facts, "layerc", [Change(paths)])
    assert set(layerc.steps) <= set(classic.steps)
    assert layerc.seconds <= classic.seconds
    # Nor where nothing was observed.
    blind = Facts(contexts=facts.contexts)
    (classic,) = replay(plan, blind, "classic", [Change(paths)])
    (layerc,) = replay(plan, blind, "layerc", [Change(paths)])
    assert set(layerc.steps) <= set(classic.steps)


@given(programs())
def test_what_did_not_change_costs_nothing(program: tuple[LayerPlan, Facts]) -> None:
    for model in MODELS:
        assert replay(*program, model, [Change(frozenset()), change("elsewhere")])[0].seconds == 0
        assert replay(*program, model, [change("elsewhere")])[0].steps == ()


@given(programs(), changed)
def test_the_replay_is_what_two_builds_do(program: tuple[LayerPlan, Facts], paths: frozenset[str]) -> None:
    plan, facts = program
    for model in MODELS:
        cache: set[object] = set()
        simulated(plan, facts, model, dict.fromkeys(SOURCES, "1"), cache)
        again = simulated(plan, facts, model, {path: "12"[path in paths] for path in SOURCES}, cache)
        assert replay(plan, facts, model, [Change(paths)])[0].steps == tuple(again)


def simulated(
    plan: LayerPlan, facts: Facts, model: Model, context: dict[str, str], cache: set[object]
) -> list[str]:
    """The steps that a builder runs whose ``cache`` has keys of what was run: contents are told by how they came
    to be. A classic key of a RUN is that of the step below, one of layerc is what was read.
    """
    trees: dict[str, dict[str, object]] = {}
    keys: dict[str, object] = {}
    ran: list[str] = []
    for layer in plan.layers:
        tree = dict(trees[layer.parent]) if layer.parent else {}
        below = keys[layer.parent] if layer.parent else ""
        operation = layer.operation
        key: object = layer.id
        if isinstance(operation, Copy):
            source: dict[str, object] = dict(context) if not layer.inputs else trees[layer.inputs[0]]
            content = {
                item.path: source[item.path] for item in operation.sources if isinstance(item, ContextPath)
            }
            tree |= {operation.dest + path.rpartition("/")[2]: text for path, text in content.items()}
            key = (layer.id, tuple(content.items()))
            if model == "classic" and not operation.link:
                key = (key, below)
        elif isinstance(operation, Run):
            seen = facts.observed[layer.id]
            assert seen.reads is not None
            assert seen.writes is not None
            taken = tuple((path, tree[path]) for path in sorted(seen.reads.names))
            tree |= dict.fromkeys(seen.writes.names, (layer.id, taken))
            key = (layer.id, below) if model == "classic" else (layer.id, taken)
        if not isinstance(operation, Base) and key not in cache:
            ran.append(layer.id)
        cache.add(key)
        is_linked = isinstance(operation, Copy) and operation.link
        trees[layer.id], keys[layer.id] = tree, (key, below) if is_linked else key
    return ran
