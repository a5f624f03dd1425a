"""Builds for other platforms: what runs once, what an emulator runs, and what is refused before anything runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from own_emulators import own_emulators

pytestmark = [pytest.mark.root, pytest.mark.engine]

BASE = "busybox:1.35"
RUNS = f"FROM {BASE}\nRUN uname -m > /machine && sh -c 'uname -m' >> /machine\n"


class Project:
    """A context and a store; commands see the named emulators and no other."""

    def __init__(self, path: Path, base: Mapping[str, str]) -> None:
        self.path = path
        self.base = f"{BASE}=oci-layout://{base['layout']}:{base['tag']}"

    def build(
        self, text: str, *words: str, platforms: str = "", emulators: tuple[str, ...] = (), base: str = ""
    ) -> subprocess.CompletedProcess[str]:
        (self.path / "Dockerfile").write_text(text)
        command = [*own_emulators(*emulators), sys.executable, "-m", "layerc", "build", str(self.path)]
        command += [f"--build-context={base or self.base}", f"--store={self.path / 'store'}", *words]
        command += [f"--platform={platforms}"] if platforms else []
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def result(self, text: str, *words: str, **others: Any) -> dict[str, Any]:
        """What a build that works did."""
        done = self.build(text, "--progress=json", *words, **others)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def project(tmp_path: Path, bases: Mapping[str, Mapping[str, str]]) -> Project:
    return Project(tmp_path, bases[BASE])


def read(archive: Path, name: str) -> str:
    with tarfile.open(archive) as tar:
        file = tar.extractfile(name)
        assert file
        return file.read().decode()


def test_an_emulator_runs_the_steps_and_what_they_start(project: Project, tmp_path: Path) -> None:
    archive = tmp_path / "out.tar"
    project.result(
        RUNS,
        f"--output=type=tar,dest={archive}",
        platforms="linux/arm64,linux/arm/v7",
        emulators=("aarch64", "arm"),
    )
    assert read(archive, "linux_arm64/machine") == "aarch64\naarch64\n"
    assert read(archive, "linux_arm_v7/machine") == "armv7l\narmv7l\n"


def test_users_and_their_rights_are_those_of_the_image(project: Project, tmp_path: Path) -> None:
    """An emulator that is registered without the credentials of what it runs would lose them."""
    text = (
        f"FROM {BASE}\nRUN cp /bin/busybox /home/su && chmod 4755 /home/su && sed -i s/root:x/root:/ /etc/passwd\n"
        "USER nobody\nRUN id -u > /tmp/own && /home/su root -c 'id -u' > /tmp/other\n"
    )
    archive = tmp_path / "out.tar"
    project.result(text, f"--output=type=tar,dest={archive}", platforms="linux/arm64", emulators=("aarch64",))
    assert (read(archive, "tmp/own"), read(archive, "tmp/other")) == ("65534\n", "0\n")


def test_a_step_that_can_not_run_is_refused_before_anything_runs(project: Project, tmp_path: Path) -> None:
    text = f"FROM {BASE}\nRUN echo native or not\nRUN uname -m\n"
    done = project.build(text, f"--output={tmp_path}/out", platforms="linux/amd64,linux/arm64")
    assert done.returncode == 5
    error = done.stderr[done.stderr.index("error: ") :]
    assert "a step of linux/arm64 can not run on linux/" in error
    assert "Dockerfile:2:1" in error
    assert "apt-get install qemu-user-static" in error
    assert "--platform=$BUILDPLATFORM" in error
    assert "runs because" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_step_for_a_newer_processor_is_refused(project: Project) -> None:
    """There is no v9, and so no processor that has it."""
    base = "newer=oci-layout://" + _relabelled(project, "linux/amd64")
    done = project.build("FROM newer\nRUN true\n", platforms="linux/amd64/v9", base=base)
    assert done.returncode == 5
    assert "a step of linux/amd64/v9 can not run here: this processor is linux/amd64/v" in done.stderr
    assert project.result("FROM newer\nRUN true\n", platforms="linux/amd64", base=base)["executed"] == 1


def test_steps_of_another_system_are_refused(project: Project) -> None:
    base = "base=oci-layout://" + _relabelled(project, "windows/amd64")
    done = project.build("FROM base\nRUN dir\n", platforms="windows/amd64", base=base)
    assert done.returncode == 5
    assert "only steps of Linux images can run here" in done.stderr


def test_what_is_known_already_needs_no_emulator(project: Project) -> None:
    assert project.result(RUNS, platforms="linux/arm64", emulators=("aarch64",))["executed"] == 1
    again = project.result(RUNS + "LABEL a=b\nCOPY Dockerfile /\n", platforms="linux/arm64")
    assert again["executed"] == 1


def test_an_image_that_holds_other_programs_than_it_says_runs(project: Project) -> None:
    """As Docker: what is run counts, not what the image is called. Cross-built images are often so."""
    base = "mislabelled=oci-layout://" + _relabelled(project, "linux/arm64")
    text = "FROM mislabelled\nRUN ['/bin/sh', '-c', 'true'] || true\nRUN uname -m\n"
    assert project.result(text, platforms="linux/arm64", base=base)["executed"] == 2


def test_a_program_of_another_platform_than_the_image_says(project: Project, tmp_path: Path) -> None:
    project.result(f"FROM {BASE}\n", f"--output={tmp_path}/arm", platforms="linux/arm64")
    shutil.copy(tmp_path / "arm" / "bin" / "busybox", tmp_path / "program")
    done = project.build(f'FROM {BASE}\nCOPY program /\nRUN ["/program", "true"]\n')
    assert done.returncode == 1
    assert "made for another platform" in done.stderr


def test_stages_of_the_build_platform_run_once(project: Project) -> None:
    text = (
        f"FROM --platform=$BUILDPLATFORM {BASE} AS tools\nRUN date +%N > /when\nWORKDIR /made\n"
        "FROM tools AS build\nARG TARGETARCH\nRUN echo $TARGETARCH > program\n"
        f"FROM {BASE}\nCOPY --from=build /made/program /when /\n"
    )
    platforms = "linux/amd64,linux/arm64,linux/arm/v7"
    first = project.result(text, platforms=platforms)
    assert first["executed"] == 2 + 3 + 3
    assert [image["platform"] for image in first["images"]] == platforms.split(",")
    again = project.result(text, platforms=platforms + ",linux/386")
    assert again["executed"] == 2


def _relabelled(project: Project, platform: str) -> str:
    """A layout of an image for ``platform`` that holds this machine's programs."""
    place = project.path / "relabelled"
    project.result(
        f"FROM --platform=$BUILDPLATFORM {BASE}\n",
        f"--output=type=oci-layout,dest={place}",
        "--tag=it:1",
        platforms=platform,
    )
    return f"{place}:1"


def test_a_plan_of_several_platforms_can_be_built_later(project: Project, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nCOPY Dockerfile /\n")
    store, context = f"--store={tmp_path / 'store'}", f"--build-context={project.base}"
    words = [sys.executable, "-m", "layerc"]
    plan = tmp_path / "plan.json"
    compiling = [*words, "compile", str(tmp_path), store, context, "--platform=linux/amd64,linux/arm64"]
    plan.write_text(subprocess.run(compiling, capture_output=True, text=True, check=True).stdout)
    building = [*words, "build", f"--file={plan}", store, context, f"--output={tmp_path}/out", str(tmp_path)]
    subprocess.run(building, capture_output=True, check=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["linux_amd64", "linux_arm64"]
