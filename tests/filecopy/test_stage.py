"""COPY between stages: sources and destinations that are layers of a store."""

import os

import pytest

from layerc.compiler.graph.operations import ContextPath, Copy, FromLayer
from layerc.runtime.engine.filecopy.apply import apply_copy
from layerc.runtime.engine.filecopy.resolve import resolve_copy
from layerc.runtime.errors import SourceError
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


def layer(store, below, make):
    with store.draft() as draft:
        make(draft.diff)
        return (*below, commit(store, draft, StackView(store, below)).diff_id)


def first(root):
    os.makedirs(f"{root}/d/e")
    with open(f"{root}/d/one", "w") as file:
        file.write("same")
    os.link(f"{root}/d/one", f"{root}/d/e/two")
    os.link(f"{root}/d/one", f"{root}/d/three")
    os.symlink("/d", f"{root}/link")
    os.chmod(f"{root}/d/one", 0o604)


def second(root):
    os.makedirs(f"{root}/d")
    with open(f"{root}/d/one", "w") as file:
        file.write("other")


def copy(store, stack, source, target):
    operation = Copy(origin=FromLayer(0), sources=(ContextPath(source),), dest="/x")
    plan = resolve_copy(operation, StackView(store, stack), title="stage 'build'")
    target.mkdir()
    apply_copy(plan, str(target))
    return plan


def test_hard_links_of_a_stage_stay_hard_links(store, tmp_path):
    stack = layer(store, (), first)
    copy(store, stack, "/link", tmp_path / "image")
    inodes = {os.stat(tmp_path / "image/x" / name).st_ino for name in ("one", "e/two", "three")}
    assert len(inodes) == 1
    assert os.stat(tmp_path / "image/x/one").st_mode & 0o777 == 0o604


def test_a_name_that_a_later_layer_replaced_is_a_file_of_its_own(store, tmp_path):
    stack = layer(store, layer(store, (), first), second)
    copy(store, stack, "/d", tmp_path / "image")
    image = tmp_path / "image/x"
    assert (image / "one").read_text() == "other"
    assert (image / "three").read_text() == "same"
    assert os.stat(image / "three").st_ino != os.stat(image / "one").st_ino


def test_equal_trees_of_different_stacks_have_equal_keys(store, tmp_path):
    plain = copy(store, layer(store, (), first), "/d", tmp_path / "a")
    split = copy(store, layer(store, layer(store, (), first), lambda root: None), "/d", tmp_path / "b")
    changed = copy(store, layer(store, layer(store, (), first), second), "/d", tmp_path / "c")
    assert plain.key() == split.key() != changed.key()


def test_what_a_stage_lacks_is_named(store):
    stack = layer(store, (), first)
    operation = Copy(origin=FromLayer(0), sources=(ContextPath("/d/won"),), dest="/x")
    with pytest.raises(SourceError, match="/d/won was not found in stage 'build'") as caught:
        resolve_copy(operation, StackView(store, stack), title="stage 'build'")
    assert caught.value.help == "did you mean /d/one?"
