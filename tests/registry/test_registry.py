"""The client against Debian's docker-registry: open, with a password, with tokens."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from registries import HTPASSWD, Scripted, TokenService, Tunnel, docker_registry

from layerc.runtime.errors import SourceError
from layerc.runtime.oci import media_types
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.oci.digests import of_bytes
from layerc.runtime.oci.documents import Index, Manifest, dump_json, read_document
from layerc.runtime.oci.layout import REF_NAME, LayoutWriter
from layerc.runtime.oci.platforms import Platform
from layerc.runtime.registry.client import NotFoundError, Repository
from layerc.runtime.registry.references import parse_reference
from layerc.runtime.registry.transport import Settings
from layerc.runtime.store import Store

pytestmark = pytest.mark.engine
LAYER = bytes(range(256)) * 5000


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layout with an image for two platforms, tagged multi."""
    path = tmp_path_factory.mktemp("image") / "layout"
    writer = LayoutWriter(str(path))

    def blob(data: bytes, media_type: str, platform: Platform | None = None) -> Descriptor:
        return Descriptor(media_type, writer.add_bytes(data), len(data), platform=platform)

    entries = []
    for name in ("amd64", "arm64"):
        config = {
            "architecture": name,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [of_bytes(LAYER)]},
        }
        manifest = Manifest(
            blob(dump_json(config), media_types.OCI_CONFIG), (blob(LAYER, media_types.OCI_LAYER),)
        )
        entries.append(blob(manifest.to_bytes(), media_types.OCI_MANIFEST, Platform("linux", name)))
    root = blob(Index(tuple(entries)).to_bytes(), media_types.OCI_INDEX)
    writer.tag(root, [{REF_NAME: "multi"}])
    return path


def push(layout: Path, host: str, *words: str) -> None:
    copy = ["skopeo", "copy", "--all", "--preserve-digests", "--dest-tls-verify=false", *words]
    target = f"docker://{host}/team/app:v1"
    done = subprocess.run([*copy, f"oci:{layout}:multi", target], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


def pull(repository: Repository, store: Store) -> list[str]:
    """Fetch everything that v1 names; the architectures."""
    head = repository.head("v1")
    descriptor, data = repository.manifest("v1")
    assert head == descriptor
    index = read_document(data, "it", descriptor.media_type)
    assert isinstance(index, Index)
    found = []
    for entry in index.manifests:
        manifest = read_document(repository.manifest(entry.digest)[1], "it", entry.media_type)
        assert isinstance(manifest, Manifest)
        for blob in (manifest.config, *manifest.layers):
            repository.fetch(store, blob, lambda _: None)
        found.append(json.loads(store.blobs.read(manifest.config.digest))["architecture"])
        assert store.blobs.read(manifest.layers[0].digest) == LAYER
    return found


def environ(tmp_path: Path, host: str, **entry: str) -> dict[str, str]:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {host: entry}}))
    return {"DOCKER_CONFIG": str(tmp_path)}


ANNA = base64.b64encode(b"anna:secret").decode()


def test_an_open_registry(layout: Path, store: Store, tmp_path: Path) -> None:
    with docker_registry(tmp_path) as host:
        push(layout, host)
        reference = parse_reference(f"{host}/team/app:v1")
        assert pull(Repository(reference, environ={}), store) == ["amd64", "arm64"]
        with pytest.raises(NotFoundError):
            Repository(reference, environ={}).manifest("v2")
        with pytest.raises(NotFoundError):
            Repository(parse_reference(f"{host}/team/other"), environ={}).head("v1")


def test_a_registry_with_a_password(layout: Path, store: Store, tmp_path: Path) -> None:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = f"auth: {{htpasswd: {{realm: here, path: '{tmp_path}/htpasswd'}}}}\n"
    with docker_registry(tmp_path, auth) as host:
        push(layout, host, "--dest-creds", "anna:secret")
        reference = parse_reference(f"{host}/team/app:v1")
        repository = Repository(reference, environ=environ(tmp_path, host, auth=ANNA))
        assert pull(repository, store) == ["amd64", "arm64"]
        for given in ({}, environ(tmp_path, host, auth=base64.b64encode(b"anna:wrong").decode())):
            with pytest.raises(SourceError, match="denies access"):
                Repository(reference, environ=given).manifest("v1")


def test_a_registry_with_tokens(layout: Path, store: Store, tmp_path: Path) -> None:
    service = TokenService(tmp_path)
    with Scripted(service.answer) as tokens:
        auth = (
            f"auth: {{token: {{realm: 'http://{tokens.host}/token', service: registry, issuer: tokens, "
            f"rootcertbundle: '{service.certificate}'}}}}\n"
        )
        with docker_registry(tmp_path, auth) as host:
            push(layout, host, "--dest-creds", "anna:secret")
            reference = parse_reference(f"{host}/team/app:v1")
            before = len(tokens.seen)
            repository = Repository(reference, environ=environ(tmp_path, host, auth=ANNA))
            assert pull(repository, store) == ["amd64", "arm64"]
            assert len(tokens.seen) == before + 1
            with_token = environ(tmp_path, host, identitytoken=service.refresh)
            Repository(reference, environ=with_token).manifest("v1")
            assert tokens.seen[-1].method == "POST"
            with pytest.raises(SourceError, match="refuses access to team/app"):
                Repository(reference, environ={}).manifest("v1")


@contextmanager
def tls_registry(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A registry with TLS called registry.example.com, and an environment whose proxy leads there."""
    service = TokenService(tmp_path, "registry.example.com")
    tls = f"tls: {{certificate: '{service.certificate}', key: '{service.key}'}}"
    with docker_registry(tmp_path, http=tls) as host, Tunnel(host) as proxy:
        yield host, {"https_proxy": f"http://{proxy.host}", "DOCKER_CONFIG": str(tmp_path)}


def test_tls_is_verified(layout: Path, store: Store, tmp_path: Path) -> None:
    reference = parse_reference("registry.example.com/team/app:v1")
    certificates = tmp_path / "certs.d"
    (certificates / "registry.example.com").mkdir(parents=True)
    with tls_registry(tmp_path) as (host, environ):
        push(layout, host)
        settings = Settings(certificates=str(certificates))
        with pytest.raises(SourceError, match="is not safe") as raised:
            Repository(reference, settings, environ).manifest("v1")
        assert f"{certificates}/registry.example.com" in str(raised.value.help)
        trusting = Settings(insecure=frozenset({"registry.example.com"}))
        assert Repository(reference, trusting, environ).head("v1") is not None
        shutil.copy(tmp_path / "cert.pem", certificates / "registry.example.com" / "ca.crt")
        assert pull(Repository(reference, settings, environ), store) == ["amd64", "arm64"]


def test_tls_on_loopback_needs_no_authority(layout: Path, store: Store, tmp_path: Path) -> None:
    with tls_registry(tmp_path) as (host, environ):
        push(layout, host)
        reference = parse_reference(f"{host}/team/app:v1")
        assert pull(Repository(reference, environ=environ), store) == ["amd64", "arm64"]
