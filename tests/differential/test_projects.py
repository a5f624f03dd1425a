"""Every corpus project, built by the real engine and by layerc: the same files, the same config.

What may differ is listed in the project's project.toml and explained in docs/differences.md.
"""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from projects import ImageCase, Project, build_with_docker, layerc, layerc_arguments, load_projects
from treediff import Difference, compare_configs, compare_trees, read_image

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = [case for project in load_projects() for case in project.images]

pytestmark = [pytest.mark.root, pytest.mark.engine]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all: what projects share is built once, as in real use."""
    return tmp_path_factory.mktemp("store")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_as_the_real_engine(
    case: ImageCase,
    docker_engine: Mapping[str, str],
    bases: Mapping[str, Mapping[str, str]],
    store: Path,
    tmp_path: Path,
) -> None:
    theirs, ours = tmp_path / "docker.tar", tmp_path / "layerc.tar"
    began_theirs = time.time()
    build_with_docker(docker_engine, case, bases, theirs)
    began_ours = time.time()
    words = layerc_arguments(case.project, bases, target=case.target, arguments=case.arguments)
    built = layerc(
        *words, f"--store={store}", "--no-cache", "--network=none", f"--output=type=oci,dest={ours}"
    )
    assert built.status == 0, built.stderr

    left, right = read_image(theirs), read_image(ours)
    found = compare_trees(left.tree, right.tree, (began_theirs, began_ours))
    found += compare_configs(left.config, right.config)
    unexpected = [difference for difference in found if not accepted(case.project, difference)]
    assert not unexpected, "Docker | layerc\n" + "\n".join(map(str, unexpected))


def accepted(project: Project, difference: Difference) -> bool:
    return any(
        fnmatch.fnmatchcase(difference.path, known.path) and fnmatch.fnmatchcase(difference.what, known.what)
        for known in project.differences
    )


def test_each_accepted_difference_is_explained() -> None:
    text = (ROOT / "docs/differences.md").read_text()
    explained = set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    named = {difference.why for project in load_projects() for difference in project.differences}
    assert named <= explained
