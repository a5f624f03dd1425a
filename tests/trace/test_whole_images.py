"""What programs read without being told: the dynamic loader's files, accounts, name services; and what is no file."""

from __future__ import annotations

import pytest

from .test_dependencies import IMAGE, Builder, builder, differing

pytestmark = pytest.mark.root

__all__ = ["builder"]

STEPS = {
    "date": "date -u -d @0 >/date",
    "owner": "install -o daemon /dev/null /owned",
    "locale": "LC_ALL=xx_YY.UTF-8 sort /etc/debian_version >/sorted || :",
    "user": "id >/tmp/id",
}
TEXT = f"""FROM {IMAGE}
COPY root /
RUN {STEPS["date"]}
RUN {STEPS["owner"]}
RUN {STEPS["locale"]}
USER someone
RUN {STEPS["user"]}
"""
PASSWD = "root:x:0:0::/root:/bin/sh\ndaemon:x:{}:1::/:/bin/sh\nsomeone:x:{}:100::/:/bin/sh\n"
# The user that a step runs as, root too, and its home are looked up in /etc/passwd.
EDITS: dict[str, tuple[dict[str, str], set[str]]] = {
    "what nobody reads": (
        {"srv/file": "x", "etc/localtime": "no zone", "usr/share/locale/xx/LC_MESSAGES/other.mo": "x"},
        set(),
    ),
    "accounts": ({"etc/passwd": PASSWD.format(2, 1001)}, set(STEPS)),
    "name services": ({"etc/nsswitch.conf": "passwd: files\ngroup: files\n"}, {"owner", "user"}),
    "preloaded libraries": ({"etc/ld.so.preload": "\n"}, set(STEPS)),
    "a locale": ({"usr/lib/locale/xx_YY.UTF-8/LC_COLLATE": "no locale"}, {"locale"}),
}


def test_files_that_programs_look_for(builder: Builder) -> None:
    root = builder.context / "root/etc"
    root.mkdir(parents=True)
    (root / "passwd").write_text(PASSWD.format(1, 1000))
    (root / "group").write_text("root:x:0:\ndaemon:x:1:\nusers:x:100:\n")
    builder.build(TEXT)
    for name, (files, affected) in EDITS.items():
        for path, content in files.items():
            target = builder.context / "root" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        tree = builder.build(TEXT)
        assert builder.ran() == {"COPY root /", *(f"RUN {STEPS[step]}" for step in affected)}, name
    assert not differing(tree, builder.clean(TEXT))


def test_what_is_no_file(builder: Builder) -> None:
    """The environment, the arguments, the user, the directory and the command are part of the step itself."""
    (builder.context / "a").write_text("1")
    lines = [
        "ARG X=1",
        "ENV Y=1",
        "USER 1",
        "WORKDIR /tmp",
        'SHELL ["/bin/sh", "-c"]',
        "RUN printenv >/tmp/env",
    ]
    changes = [
        "ARG X=2",
        "ENV Y=2",
        "USER 2",
        "WORKDIR /var",
        'SHELL ["/bin/bash", "-c"]',
        "RUN printenv  >/tmp/env",
    ]

    def build(text: list[str]) -> set[str]:
        builder.build("\n".join([f"FROM {IMAGE}", "COPY a /", *text]))
        return builder.ran()

    assert "RUN printenv >/tmp/env" in build(lines)
    (builder.context / "a").write_text("2")
    assert build(lines) == {"COPY a /"}
    for number, change in enumerate(changes[:-1]):
        assert "RUN printenv >/tmp/env" in build([*lines[:number], change, *lines[number + 1 :]]), change
    assert not build([*lines[:-1], changes[-1]])


def test_a_privileged_step(builder: Builder) -> None:
    """Mounts made by the step lead through the same tree; io_uring too."""
    ways = {
        "bind": "mkdir /b && mount --bind /data /b && cat /b/a",
        "recursive": "mkdir /r && mount --rbind / /r && cat /r/data/a",
        "overlay": "mkdir /t /o && mount -t tmpfs t /t && mkdir /t/u /t/w && "
        "mount -t overlay o -o lowerdir=/data,upperdir=/t/u,workdir=/t/w /o && cat /o/a",
        "namespace": "unshare -mUr cat /data/a",
        "ring": "/probe io_uring /data/a",
        "handle": "/probe handle /data/a; cat /data/b >/dev/null",
    }
    head = (
        f"FROM {IMAGE} AS base\nCOPY --from=probe probe /probe\nRUN mkdir /out\nFROM base\nCOPY data /data\n"
    )
    steps = [f"RUN --security=insecure ({way}) >/out/{name} 2>&1; echo $?" for name, way in ways.items()]
    text = head + "\n".join(steps)
    data = builder.context / "data"
    data.mkdir()
    for name in ("a", "b", "c"):
        (data / name).write_text(f"{name}1")
    allow = frozenset({"security.insecure"})
    builder.build(text, allow=allow)
    (data / "c").write_text("c2")
    builder.build(text, allow=allow)
    assert builder.ran() == {"COPY data /data"}
    (data / "a").write_text("a2")
    tree = builder.build(text, allow=allow)
    read = {step for step in steps if "handle" not in step}
    assert read <= builder.ran()
    assert not differing(tree, builder.build(text, allow=allow, no_cache=True, traced=False))
