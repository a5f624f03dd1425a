"""``layerc cache``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import TinyProject

from layerc.runtime.cli.main import main
from layerc.runtime.cli.quantities import parse_duration, parse_size
from layerc.runtime.errors import UsageError
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.snapshot.commit import commit
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Result, Store, StoredLayer


def test_gc_frees_what_du_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "store")
    with Store.open(place) as store:
        store.blobs.put(bytes(5_000_000))
    assert main(["cache", "du", "--store", place]) == 0
    assert capsys.readouterr().out == "blobs  1  5.0 MB\ntotal     5.0 MB\n"
    assert main(["cache", "gc", "--until", "1h", "--store", place]) == 0
    assert "freed  0 B" in capsys.readouterr().out
    assert main(["cache", "gc", "--keep-storage", "6MB", "--store", place]) == 0
    assert "freed  0 B" in capsys.readouterr().out
    assert main(["cache", "gc", "--all", "--store", place]) == 0
    assert "freed  5.0 MB" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["gc"],
        ["du", "--all"],
        ["gc", "--until", "soon"],
        ["gc", "--keep-storage", "x"],
        [],
        ["dv"],
        ["xyzzy"],
    ],
)
def test_wrong_use_is_told(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", *words, "--store", str(tmp_path)]) == 2
    assert "error: " in capsys.readouterr().err


def test_sizes_and_durations() -> None:
    assert [parse_size(text) for text in ("0", "1kB", "2 KiB", "3g")] == [0, 1000, 2048, 3 * 10**9]
    assert parse_duration("1d2h3m4s") == 86400 + 2 * 3600 + 3 * 60 + 4
    for wrong in ("", "h", "1h!", "-1h"):
        with pytest.raises(UsageError):
            parse_duration(wrong)


# --- what is in a store, by name ---------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A store with two layers of stage build, one of stage run, a loose blob and a cache mount."""
    with Store.open(str(tmp_path / "store")) as store:
        steps = (("build", "RUN make", 30.0), ("build", "COPY . .", 0.5), ("run", "RUN make install", 2.0))
        for number, (stage, title, seconds) in enumerate(steps, 1):
            with store.draft() as draft:
                Path(draft.diff, "file").write_text(str(number))
                layer = commit(store, draft, StackView(store, ()))
            store.add_result(str(number), Result((layer.diff_id,), seconds))
            store.add_record("step name", layer.diff_id, json.dumps([stage, title]).encode())
        store.blobs.put(b"loose")
        cache = Path(store.root, "caches", "0123abcd")
        (cache / "data").mkdir(parents=True)
        (cache / "cache.json").write_text(json.dumps({"id": "npm", "target": "/root/.npm"}))
        return store.root


def listed(place: str, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    assert main(["cache", "ls", "--json", *words, "--store", place]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def titles(place: str, capsys: pytest.CaptureFixture[str]) -> set[object]:
    return {item["title"] for item in listed(place, capsys)}


def test_ls(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(place, capsys, "--sort", "seconds")
    assert [(item["stage"], item["title"], item["seconds"]) for item in found][:3] == [
        ("build", "RUN make", 30.0),
        ("run", "RUN make install", 2.0),
        ("build", "COPY . .", 0.5),
    ]
    assert sorted(str(item["kind"]) for item in found) == ["blob", "cache", "layer", "layer", "layer"]
    assert [item["title"] for item in listed(place, capsys, "--kind", "cache")] == ["npm at /root/.npm"]
    assert main(["cache", "ls", "--store", place]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "KIND", "SIZE", "USED", "REMADE", "STEP"]
    assert max(map(len, rows)) <= 80
    (row,) = [row for row in rows if row.endswith("[build] RUN make")]
    assert row.split()[1:2] + row.split()[4:6] == ["layer", "now", "30.0s"]


def test_du_by_kind(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "du", "--json", "--store", place]) == 0
    document = json.loads(capsys.readouterr().out)
    counts = {kind["name"]: kind["count"] for kind in document["kinds"]}
    assert counts | {"layers": 3, "blobs": 1, "cache mounts": 1, "indexes": 3} == counts
    assert document["total"] == sum(kind["size"] for kind in document["kinds"])


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--stage", "run"], {"RUN make", "COPY . .", "", "npm at /root/.npm"}),
        (["--kind", "cache"], {"RUN make", "COPY . .", "RUN make install", ""}),
        (["--kind", "cache", "npm"], {"RUN make", "COPY . .", "RUN make install", ""}),
        (["copy . ."], {"RUN make", "RUN make install", "", "npm at /root/.npm"}),
        (["run make"], {"COPY . .", "", "npm at /root/.npm"}),
        (["--stage", "build", "run make"], {"COPY . .", "RUN make install", "", "npm at /root/.npm"}),
        (["0123ab"], {"RUN make", "COPY . .", "RUN make install", ""}),
        (["--kind", "layer"], {"", "npm at /root/.npm"}),
    ],
)
def test_rm(words: list[str], left: set[str], place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "rm", *words, "--store", place]) == 0
    assert capsys.readouterr().out.startswith("removed ")
    assert titles(place, capsys) == left


def test_rm_by_id_says_what_is_in_use(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    ids = {item["title"]: str(item["id"]) for item in listed(place, capsys)}
    with Store.open(place) as user:
        assert user.result("1") is not None
        words = [ids["RUN make"][:20], ids["COPY . ."].removeprefix("sha256:")[:12]]
        assert main(["cache", "rm", *words, "--store", place]) == 0
        assert "removed 1 layer;" in (said := capsys.readouterr().out)
        assert "1 in use by a running build" in said
        assert user.result("1") is not None
    assert "COPY . ." not in titles(place, capsys)


@pytest.mark.parametrize(
    ("words", "code"), [([], 2), (["xyzzy"], 4), (["--stage", "none"], 4), (["--kind", "x"], 2), (["012"], 4)]
)
def test_rm_of_nothing(words: list[str], code: int, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "rm", *words, "--store", place]) == code
    assert "error: " in capsys.readouterr().err
    assert len(titles(place, capsys)) == 5


def harm_content(store: Store, layer: StoredLayer) -> None:
    Path(store.snapshot_path(layer.snapshot), "file").write_text("x")


def harm_size(store: Store, layer: StoredLayer) -> None:
    Path(store.snapshot_path(layer.snapshot), "file").write_text("longer")


def harm_mode(store: Store, layer: StoredLayer) -> None:
    Path(store.snapshot_path(layer.snapshot), "file").chmod(0o777)


def harm_missing(store: Store, layer: StoredLayer) -> None:
    Path(store.snapshot_path(layer.snapshot), "file").unlink()


def harm_added(store: Store, layer: StoredLayer) -> None:
    Path(store.snapshot_path(layer.snapshot), "more").touch()


def harm_index(store: Store, layer: StoredLayer) -> None:
    path = Path(store.index_path(layer.snapshot))
    path.write_bytes(path.read_bytes().replace(b"file", b"fyle"))


def harm_index_badly(store: Store, layer: StoredLayer) -> None:
    Path(store.index_path(layer.snapshot)).write_bytes(b"")


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (harm_content, "the snapshot of layer"),
        (harm_size, "/file has 6 bytes instead of 1"),
        (harm_mode, "/file has mode 0777 instead of 0644"),
        (harm_missing, "/file is missing"),
        (harm_added, "/more is not in its index"),
        (harm_index, "its index is damaged at /"),
        (harm_index_badly, "the entry index"),
    ],
)
def test_verify_finds_damaged_layers(
    harm: Callable[[Store, StoredLayer], None],
    problem: str,
    place: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Store.open(place) as store:
        result = store.result("2")
        assert result is not None
        (layer,) = store.layers(result.layers)
        harm(store, layer)
    assert main(["cache", "verify", "--store", place]) == 6
    out = capsys.readouterr().out
    assert f"damaged layer {layer.diff_id}: {problem}" in out
    assert "4 layers and blobs verified, 1 damaged" in out
    assert main(["cache", "verify", "--json", "--repair", "--store", place]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["checked"], len(document["damaged"]), document["repaired"]) == (4, 1, 1)
    assert main(["cache", "verify", "--store", place]) == 0
    assert capsys.readouterr().out == "3 layers and blobs verified, 0 damaged\n"
    assert titles(place, capsys) == {"RUN make", "RUN make install", "", "npm at /root/.npm"}


def test_verify_finds_damaged_blobs(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    (item,) = listed(place, capsys, "--kind", "blob")
    Path(place, "blobs", *str(item["id"]).split(":")).write_bytes(b"LOOSE")
    with Store.open(place) as store:  # an archive of a layer can be made again, so the layer stays
        digest = store.blobs.put(b"archive")
        result = store.result("1")
        assert result is not None
        store.add_layer_blob(result.layers[0], Descriptor("application/x", digest, 7))
        Path(store.blobs.path(digest)).write_bytes(b"short")
    assert main(["cache", "verify", "--store", place]) == 6
    out = capsys.readouterr().out
    assert f"damaged blob {item['id']}: its bytes are not what its digest says" in out
    assert f"damaged blob {digest}: it has 5 bytes instead of 7" in out
    assert main(["cache", "verify", "--repair", "--store", place]) == 0
    capsys.readouterr()
    assert listed(place, capsys, "--kind", "blob") == []
    assert "RUN make" in titles(place, capsys)


def test_verify_leaves_what_is_in_use(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(place) as user:
        result = user.result("2")
        assert result is not None
        harm_size(user, user.layers(result.layers)[0])
        assert main(["cache", "verify", "--repair", "--store", place]) == 6
        assert "1 in use by a running build" in capsys.readouterr().err
    assert main(["cache", "verify", "--repair", "--store", place]) == 0


@pytest.mark.root
def test_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = TinyProject(tmp_path)
    project.write("deep/in/the/folder/used", "1")
    project.build(
        "FROM base AS work\nCOPY deep /deep\nRUN cat /deep/in/the/folder/used; ls /deep; test -e /no || :\n"
    )
    place = str(project.home)
    assert main(["cache", "trace", "cat /deep", "--json", "--store", place]) == 0
    (tree,) = json.loads(capsys.readouterr().out)["trees"]
    assert tree["deep/in/the/folder/used"][0] == "read"
    assert tree["deep"] == ["listed"]
    assert tree["no"] == ["looked for in vain"]
    assert main(["cache", "trace", "work:2", "--store", place]) == 0
    out = capsys.readouterr().out
    assert "├ deep/  listed\n│ └ in/  looked up\n│   └ the/  2 looked up, 1 read\n" in out
    assert main(["cache", "trace", "work:2", "--all", "--store", place]) == 0
    assert "└ used  read" in capsys.readouterr().out
    assert main(["cache", "trace", "work:9", "--store", place]) == 2
    project.build("RUN echo > /untraced\n", traced=False)
    capsys.readouterr()
    assert main(["cache", "trace", "untraced", "--store", place]) == 4
    assert "there is no trace of [3/3] RUN echo" in capsys.readouterr().err
