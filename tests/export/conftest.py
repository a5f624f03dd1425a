"""Small stored images to export."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from layerc.runtime.oci.image import ImageManifest
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.mount import mount
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

Change = Callable[[str], None]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


class Maker:
    """Makes layers by really changing a mounted tree, and images of them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def layer(self, stack: Sequence[str], change: Change) -> str:
        with self.store.draft() as draft:
            with mount(self.store, stack, draft) as root:
                change(root)
            return commit(self.store, draft, StackView(self.store, stack)).diff_id

    def image(self, *changes: Change, platform: str = "linux/amd64", **config: object) -> ImageManifest:
        stack: list[str] = []
        for change in changes:
            stack.append(self.layer(tuple(stack), change))
        system, architecture = platform.split("/")
        return ImageManifest.from_config(
            {
                "architecture": architecture,
                "os": system,
                "created": "2026-01-02T03:04:05Z",
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": stack},
                "history": [{"created_by": f"change {number}"} for number in range(len(stack))],
            }
        )


@pytest.fixture
def maker(store: Store) -> Maker:
    return Maker(store)


def files(content: Mapping[str, bytes]) -> Change:
    """A change that writes these files, with a time that is not now."""

    def change(root: str) -> None:
        for name, data in content.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
            os.utime(path, (1_000_000_000, 1_000_000_000))

    return change
