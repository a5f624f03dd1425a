"""Options of docker that mean something else here, or nothing, and what to do instead."""

from __future__ import annotations

import argparse
import csv

from ..errors import UsageError

__all__ = ["ADVICE", "add_docker_options", "check_docker_options"]

_LIMIT = (
    "run layerc itself within limits: systemd-run --scope -p MemoryMax=2g -p CPUQuota=150% layerc build …"
)

# What docker has and we lack. The user is told instead of guessing at a typing mistake.
ADVICE = {
    "--builder": "layerc builds without a daemon; leave it out",
    "--cgroup-parent": "steps run in a group below layerc's own: start it in the one that you mean, for example "
    "with systemd-run --scope --slice=NAME layerc build …",
    "--cpu-period": _LIMIT,
    "--cpu-quota": _LIMIT,
    "--cpu-shares": _LIMIT,
    "--cpuset-cpus": _LIMIT,
    "--cpuset-mems": _LIMIT,
    "-c": _LIMIT,
    "--isolation": "that is for Windows containers; leave it out",
    "--memory": _LIMIT,
    "--memory-swap": _LIMIT,
    "-m": _LIMIT,
    "--policy": "sources are not checked against policies; COPY and ADD --checksum pin what they take",
    "--print": "write --call",
    "--push": "write -o type=oci,dest=image.tar, and push that: skopeo copy oci-archive:image.tar docker://NAME",
    "--resource": _LIMIT,
    "--security-opt": "a step asks for it itself: RUN --security=insecure, with --allow security.insecure",
    "--stream": "contexts are read in place; leave it out",
}

_ATTESTATIONS = ("provenance", "sbom")


def add_docker_options(parser: argparse.ArgumentParser) -> None:
    """Add options that change nothing here, so that docker's command lines work; the help leaves them out."""
    for name in ("--rm", "--force-rm", "--compress"):
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)
    for name in ("--provenance", "--sbom"):
        parser.add_argument(name, metavar="SPEC", help=argparse.SUPPRESS)
    parser.add_argument("--attest", metavar="SPEC", action="append", default=[], help=argparse.SUPPRESS)


def check_docker_options(arguments: argparse.Namespace) -> None:
    """Raises :class:`UsageError` for attestations: who asks for one relies on it."""
    for kind in _ATTESTATIONS:
        value = getattr(arguments, kind)
        if value is not None and not _is_disabled(value):
            raise _no_attestation(f"--{kind}={value}")
    for text in arguments.attest:
        fields = dict(field.partition("=")[::2] for row in csv.reader([text]) for field in row)
        if fields.get("type") not in _ATTESTATIONS:
            raise UsageError(
                f"--attest {text!r}: unknown attestation type {fields.get('type', '')!r}",
                help="leave it out: layerc makes no attestations",
            )
        if not _is_true(fields.get("disabled", "false")):
            raise _no_attestation(f"--attest {text}")


def _is_disabled(value: str) -> bool:
    fields = value.split(",")
    return any(field in ("0", "f", "F", "false", "FALSE", "False", "disabled=true") for field in fields)


def _is_true(value: str) -> bool:
    return value in ("1", "t", "T", "true", "TRUE", "True")


def _no_attestation(shown: str) -> UsageError:
    return UsageError(
        f"{shown}: layerc makes no attestations",
        help="leave it out, or say false; another tool can attest the image, such as syft or cosign",
    )
