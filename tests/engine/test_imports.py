"""What a build with nothing to do imports: little, since that is most of the time it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

DOCKERFILE = """\
FROM base
COPY file /file
RUN echo done > /done
FROM base
COPY --from=0 /done /done
CMD ["cat", "/done"]
"""
BASE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
"""
OF_OTHERS = (
    "concurrent.futures",
    "ctypes",
    "dataclasses",  # it takes half a millisecond a class, and brings the next
    "docker",
    "inspect",
    "isal",
    "lark",
    "logging",
    "networkx",
    "rich",
    "urllib3",
    "zstandard",
)
OURS = (
    "layerc.compiler.graph.meaning",
    "layerc.compiler.lower",
    "layerc.compiler.shell.tokens",
    "layerc.compiler.unread",
    "layerc.grammar.parse",
    "layerc.runtime.engine.builder",
    "layerc.runtime.engine.filecopy.apply",
    "layerc.runtime.engine.mounts",
    "layerc.runtime.export",
    "layerc.runtime.registry.transport",
    "layerc.runtime.sandbox",
    "layerc.runtime.snapshot.apply",
    "layerc.runtime.snapshot.commit",
    "layerc.runtime.snapshot.mount",
)
BUILD = """
import sys
from layerc.runtime.cli.main import main
status = main(sys.argv[1:])
print(*sys.modules)
sys.exit(status)
"""


@pytest.fixture
def project(tmp_path: Path) -> list[str]:
    """Arguments of a build on a base image that lies in an OCI layout; all of it was built before."""
    context, base = tmp_path / "context", tmp_path / "base"
    context.mkdir()
    base.mkdir()
    (context / "file").write_text("content")
    (context / "Dockerfile").write_text(DOCKERFILE)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", base / "busybox")
    (base / "Dockerfile").write_text(BASE)
    store = ["--store", str(tmp_path / "store")]
    layout = tmp_path / "layout"
    modules_of(["build", "-q", *store, "-o", f"type=oci-layout,dest={layout}", str(base)])
    words = ["build", "-q", *store, "--build-context", f"base=oci-layout://{layout}", str(context)]
    assert "layerc.runtime.sandbox" in modules_of(words)
    return words


def modules_of(words: list[str]) -> set[str]:
    """What a process that does this has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, *words], capture_output=True, text=True, env={**os.environ}, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_a_build_with_nothing_to_do_imports_little(project: list[str]) -> None:
    imported = modules_of(project)
    assert "layerc.runtime.engine.scheduler" in imported
    assert sorted(imported.intersection(OF_OTHERS + OURS)) == []


def test_the_version_is_known_without_the_engine() -> None:
    imported = modules_of(["--version"])
    assert not any(
        name.startswith(("layerc.compiler", "layerc.grammar", "layerc.runtime.engine")) for name in imported
    )
