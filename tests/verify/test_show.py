"""How a verdict is shown to people."""

from __future__ import annotations

from layerc.runtime.cli.differences import show
from layerc.runtime.cli.terminal import Style
from layerc.runtime.engine.verify.verdict import Change, ConfigChange, Made, Step, Verdict
from layerc.runtime.snapshot.entry import Entry

MADE = Made("A", "linux/amd64", ())
COPY, RUN = Step("COPY . .", "Dockerfile", 3), Step("RUN make", "Dockerfile", 4)


def verdict(*changes: Change, **values: object) -> Verdict:
    made = Verdict(MADE, MADE, {"files": 1200, "directories": 1}, changes, ())
    return made._replace(**values)


def added(name: str, step: Step = COPY) -> Change:
    return Change(name, ("added",), None, Entry(name, "file"), step_after=step)


def shown(value: Verdict, *, everything: bool = False) -> str:
    return show(value, everything=everything, style=Style(False), screen=60)


def test_equal_is_one_line() -> None:
    assert shown(verdict()) == "equal: 1,201 entries (1,200 files, 1 directory) and the config"
    assert shown(verdict(rebuilt=(RUN,))).endswith("; A built twice is equal, too")


def test_groups_have_limits() -> None:
    text = shown(verdict(*(added(f"f{number:03}") for number in range(25))))
    assert text.startswith("different: 25 entries; A has 1,201 entries")
    assert text.count("only in B") == 20
    assert text.endswith("  … and 5 entries more\n--all shows the rest")
    everything = shown(verdict(*(added(f"f{number:03}") for number in range(25))), everything=True)
    assert everything.count("only in B") == 25
    assert "--all" not in everything


def test_values_and_steps() -> None:
    before = Entry("f", "file", 0o644, 1, 2, 3, 0, "", (0, 0), "sha256:1", (("user.a", b"1"),))
    after = before._replace(mode=0o755, uid=0, size=4, digest="sha256:2", xattrs=())
    aspects = ("mode", "owner", "content", "xattrs", "links")
    change = Change("f", aspects, before, after, ("f", "g"), ("f",), "log", step=COPY, step_after=RUN)
    lines = shown(verdict(change)).split("\n")
    assert lines[2] == "A: Dockerfile:3 COPY . .   B: Dockerfile:4 RUN make"
    assert lines[3] == (
        "  ~ /f  mode 0644 -> 0755, owner 1:2 -> 0:2, content 3 bytes -> 4 bytes, extended attributes user.a, "
        "names of one file: /f /g -> /f  [log file]"
    )


def test_nothing_reaches_the_terminal_as_a_command() -> None:
    evil = "\x1b[2J\u202e"
    change = Change(
        evil,
        ("content",),
        Entry(evil, "file", size=1),
        Entry(evil, "file", size=2),
        step=Step(evil, evil, 1),
        diff=f"--- A\n+++ B\n@@ -1 +1 @@\n-{evil}\n+x",
    )
    config = (
        ConfigChange(f"config.Labels.{evil}", evil, [evil]),
        ConfigChange("config.Env", [evil], ["A=1"]),
    )
    text = shown(verdict(change, config=config))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_list_tells_its_items() -> None:
    config = (
        ConfigChange("config.Env", ["A=1", "B=2"], ["A=1", "B=3"]),
        ConfigChange("config.OnBuild", ["a", "b"], ["b", "a"]),
        ConfigChange("config.User", None, "app"),
    )
    lines = shown(verdict(config=config)).split("\n")
    assert lines[0].startswith("different: 3 fields of the config; ")
    assert lines[2:5] == ["config.Env", '  - "B=2"', '  + "B=3"']
    assert lines[7] == "  ~ the same in another order"
    assert lines[-2:] == ["  - absent", '  + "app"']


def test_own_doing_is_apart() -> None:
    own = Change("x", ("content",), Entry("x", "file"), Entry("x", "file"), own=True, step=RUN)
    text = shown(verdict(own))
    assert text.startswith(
        "equal: 1,201 entries (1,200 files, 1 directory) and the config, but for 1 entry of A's"
    )
    assert "\nDockerfile:4 RUN make\n  ~ /x  content (0 bytes)" in text
    assert shown(verdict(own, strict=True)).startswith("different: 1 entry;")
    unstable = shown(verdict(unstable=(added("y"),)))
    assert "/y  only in the second: file" in unstable
