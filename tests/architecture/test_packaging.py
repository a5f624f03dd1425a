"""What is packaged is what is in the tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("grammar", "compiler", "runtime")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files that git keeps, apart from those deleted in the work tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def test_wheel_holds_what_git_keeps(tracked: list[str], tmp_path: Path) -> None:
    source = tmp_path / "source"
    top = ("__init__.py", "__main__.py", "py.typed", "pyproject.toml", "README.md", "LICENSE")
    packaged = [name for name in tracked if name in top or name.split("/")[0] in PARTS]
    for name in packaged:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-build-isolation",
        "--no-deps",
        "--no-index",
    ]
    done = subprocess.run(
        [*command, "--wheel-dir", tmp_path, source], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    not_code = {"pyproject.toml", "README.md", "LICENSE"}
    assert names == {f"layerc/{name}" for name in packaged if name not in not_code}


def test_every_package_is_listed(tracked: list[str]) -> None:
    folders = {
        name.rpartition("/")[0] for name in tracked if name.split("/")[0] in PARTS and name.endswith(".py")
    }
    packages = {"layerc", *("layerc." + folder.replace("/", ".") for folder in folders)}
    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    assert set(listed) == packages
    assert len(listed) == len(set(listed))


def test_the_type_checkers_see_the_package() -> None:
    links = {path.name: path for path in (ROOT / ".src/layerc").iterdir()}
    assert set(links) == {"__init__.py", "__main__.py", "py.typed", *PARTS}
    for name, link in links.items():
        assert link.is_symlink()
        assert str(link.readlink()) == f"../../{name}"


def test_no_folder_of_the_package_is_ignored_by_git(tracked: list[str]) -> None:
    on_disk = [path.relative_to(ROOT) for part in PARTS for path in (ROOT / part).rglob("*.py")]
    ignored = subprocess.run(
        ["git", "check-ignore", *map(str, on_disk)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ignored.stdout == ""
