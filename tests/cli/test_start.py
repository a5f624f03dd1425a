"""What ``layerc compile`` imports, and how its values are made: most of the time of a small file goes there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMPILE = """
import sys
from layerc.runtime.cli.main import main
status = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(status)
"""
DOCKERFILE = """\
FROM scratch AS files
ARG VERSION=1
COPY --chmod=644 file /file
RUN --mount=type=cache,target=/cache ["/file", "$VERSION"]
FROM files
ENV A=b
WORKDIR /src
LABEL name=value
CMD ["cat", "/file"]
"""
# The first five come with dataclasses, whose decorator takes half a millisecond a class.
UNWANTED = (
    "dataclasses",
    "inspect",
    "ast",
    "dis",
    "copy",
    "concurrent.futures",
    "difflib",
    "lark",
    "logging",
    "networkx",
    "rich",
    "shutil",
    "sqlite3",
    "subprocess",
    "threading",
    "zlib",
)


def test_a_small_file_is_compiled_with_few_imports(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    words = [sys.executable, "-c", COMPILE, "compile", "--offline", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    imported = set(done.stderr.split())
    assert "layerc.compiler.instructions.run" in imported
    assert sorted(imported.intersection(UNWANTED)) == []
    assert not any(name.startswith(("layerc.runtime.store", "layerc.runtime.snapshot")) for name in imported)
