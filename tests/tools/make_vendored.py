"""Make what the cache-unfriendly projects of the corpus install: packages that take seconds, in files that are small.

    python tests/tools/make_vendored.py

A wheel of many modules, which pip compiles, and an npm package of thousands of files. Their contents repeat
themselves, so that the archives are small. The same each time, but for what another zlib makes of it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PACKAGE", "WHEEL", "npm_package", "read_archive", "wheel_files"]

PROJECTS = Path(__file__).resolve().parents[2] / "corpus" / "projects"
WHEEL = PROJECTS / "cache-unfriendly-pip" / "wheels" / "gazetteer-1.0-py3-none-any.whl"
PACKAGE = PROJECTS / "cache-unfriendly-npm" / "vendor" / "icons.tgz"
MODULES, PLACES = 60, 130
ICONS = 1500


def wheel_files() -> dict[str, str]:
    """The files of the wheel ``gazetteer``: a function for each of many places."""
    files = {"gazetteer/__init__.py": f'"""Places by number."""\n\nCOUNT = {MODULES * PLACES}\n'}
    for module in range(MODULES):
        functions = "".join(
            f"\n\ndef place_{number}(distance: float, height: float = {number % 7}.0) -> dict[str, object]:\n"
            f'    """The place {number}, seen from afar."""\n'
            f"    seen = [distance * step / (step + {number % 5} + 1) for step in range({number % 9 + 1})]\n"
            "    if height > distance and not seen:\n"
            f'        raise ValueError("too high: {{}} of {number}".format(height))\n'
            '    names = {"near": min(seen), "far": max(seen), "all": sum(seen) + height}\n'
            f"    return {{**names, 'number': {number}, 'is_far': names['far'] > {number}}}\n"
            for number in range(module * PLACES, (module + 1) * PLACES)
        )
        files[f"gazetteer/region_{module}.py"] = f'"""Region {module}."""{functions}'
    return files


def npm_package() -> dict[str, str]:
    """The files of the package ``icons``: each icon a module and its types."""
    manifest = {"name": "icons", "version": "1.0.0", "main": "index.js"}
    files = {
        "package.json": json.dumps(manifest, indent=2) + "\n",
        "index.js": "module.exports = (name) => require(`./icons/${name}.js`);\n",
    }
    for number in range(ICONS):
        path = f'<path d="M{number % 24} {number % 16}h{number % 9}v{number % 7}z"/>'
        files[f"icons/icon-{number}.js"] = f"'use strict';\n\nmodule.exports = '<svg>{path}</svg>';\n"
        files[f"icons/icon-{number}.d.ts"] = "declare const icon: string;\nexport = icon;\n"
    return files


def read_archive(path: Path) -> dict[str, str]:
    """The files of the wheel, without its metadata, or of the npm package."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name).decode() for name in wheel.namelist() if "-info/" not in name}
    with tarfile.open(path) as package:
        members = {member.name.partition("/")[2]: package.extractfile(member) for member in package}
        return {name: file.read().decode() for name, file in members.items() if file is not None}


def _wheel(path: Path) -> None:
    information = "gazetteer-1.0.dist-info"
    files = wheel_files()
    files[f"{information}/METADATA"] = "Metadata-Version: 2.1\nName: gazetteer\nVersion: 1.0\n"
    files[f"{information}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{information}/RECORD"] = "".join(_records(files, f"{information}/RECORD"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED, 9)


def _records(files: dict[str, str], own: str) -> Iterator[str]:
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        yield f"{name},sha256={digest},{len(text)}\n"
    yield f"{own},,\n"


def _package(path: Path) -> str:
    """Writes it and returns its integrity for a lock file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in npm_package().items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size, entry.mode, entry.mtime = len(text), 0o644, 499162500
            tar.addfile(entry, io.BytesIO(text.encode()))
    data = gzip.compress(made.getvalue(), 9, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def main() -> None:
    """Write both."""
    _wheel(WHEEL)
    integrity = _package(PACKAGE)
    lock = PACKAGE.parents[1] / "package-lock.json"
    document = json.loads(lock.read_text())
    document["packages"]["node_modules/icons"] = {
        "version": "1.0.0",
        "resolved": "file:vendor/icons.tgz",
        "integrity": integrity,
    }
    lock.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
