"""The registry client against servers that misbehave, leave things out, or ask who we are."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from registries import Answer, Scripted, Seen

from layerc.runtime.errors import IntegrityError, SourceError
from layerc.runtime.oci import media_types
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.oci.digests import of_bytes
from layerc.runtime.oci.documents import Manifest
from layerc.runtime.registry.auth import parse_challenges
from layerc.runtime.registry.client import NotFoundError, Repository
from layerc.runtime.registry.references import parse_reference
from layerc.runtime.registry.transport import Request, Settings, Transport, is_loopback
from layerc.runtime.store import Store

DATA = bytes(range(256)) * 4000
BLOB = Descriptor(media_types.OCI_LAYER, of_bytes(DATA), len(DATA))
MANIFEST = Manifest(Descriptor(media_types.OCI_CONFIG, of_bytes(b"{}"), 2), (BLOB,)).to_bytes()
DIGEST = of_bytes(MANIFEST)
TYPE = {"Content-Type": media_types.OCI_MANIFEST}
waits: list[float] = []


@pytest.fixture(autouse=True)
def _no_waits() -> None:
    waits.clear()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


def repository(server: Scripted, environ: dict[str, str] | None = None, name: str = "team/app") -> Repository:
    settings = Settings(read_seconds=5, wait=waits.append)
    reference = parse_reference(f"{server.host}/{name}")
    return Repository(reference, settings, {"HOME": "/nowhere", **(environ or {})})


def fixed(answer: Answer) -> Callable[[Seen], Answer]:
    return lambda _: answer


# --- manifests -----------------------------------------------------------------------------------------


def test_a_manifest_by_tag_and_by_digest() -> None:
    with Scripted(fixed(Answer(200, MANIFEST, TYPE))) as server:
        descriptor, data = repository(server).manifest("v1")
        assert (descriptor.digest, data) == (DIGEST, MANIFEST)
        assert repository(server).manifest(DIGEST)[0] == descriptor
        assert server.seen[-1].path == f"/v2/team/app/manifests/{DIGEST}"
        assert media_types.DOCKER_INDEX in server.seen[-1].headers["Accept"]


def test_another_manifest_than_was_asked_for() -> None:
    with (
        Scripted(fixed(Answer(200, MANIFEST, TYPE))) as server,
        pytest.raises(IntegrityError, match="digest"),
    ):
        repository(server).manifest(of_bytes(b"other"))


def test_a_registry_that_contradicts_itself() -> None:
    headers = {**TYPE, "Docker-Content-Digest": of_bytes(b"other")}
    with Scripted(fixed(Answer(200, MANIFEST, headers))) as server, pytest.raises(IntegrityError):
        repository(server).manifest("v1")


def test_a_page_instead_of_a_manifest() -> None:
    page = Answer(200, b"<html>please log in</html>", {"Content-Type": "text/html"})
    with Scripted(fixed(page)) as server, pytest.raises(SourceError, match="not valid JSON"):
        repository(server).manifest("v1")


def test_a_manifest_without_end() -> None:
    endless = Answer(200, b" " * (5 << 20), TYPE)
    with Scripted(fixed(endless)) as server, pytest.raises(SourceError, match="too large"):
        repository(server).manifest("v1")


def test_what_head_tells_is_enough() -> None:
    headers = {**TYPE, "Docker-Content-Digest": DIGEST, "Content-Length": str(len(MANIFEST))}
    with Scripted(fixed(Answer(200, MANIFEST, headers))) as server:
        assert repository(server).head("v1") == Descriptor(media_types.OCI_MANIFEST, DIGEST, len(MANIFEST))


@pytest.mark.parametrize("answer", [Answer(200, MANIFEST, TYPE), Answer(405), Answer(200, MANIFEST, {})])
def test_head_may_tell_nothing(answer: Answer) -> None:
    with Scripted(fixed(answer)) as server:
        assert repository(server).head("v1") is None


def test_what_is_not_there() -> None:
    with Scripted(fixed(Answer(404, b'{"errors":[]}'))) as server:
        for ask in (repository(server).head, repository(server).manifest):
            with pytest.raises(NotFoundError, match="has no team/app:v1"):
                ask("v1")


def test_the_registrys_words_are_passed_on() -> None:
    body = json.dumps({"errors": [{"code": "UNSUPPORTED", "message": "this registry is closed"}]}).encode()
    with (
        Scripted(fixed(Answer(418, body))) as server,
        pytest.raises(SourceError, match="this registry is closed"),
    ):
        repository(server).manifest("v1")


# --- trouble that passes, and that does not ------------------------------------------------------------


def test_failures_that_may_pass_are_tried_again() -> None:
    answers = iter([Answer(503), Answer(429, headers={"Retry-After": "7"}), Answer(200, MANIFEST, TYPE)])
    with Scripted(lambda _: next(answers)) as server:
        assert repository(server).manifest("v1")[0].digest == DIGEST
    assert len(waits) == 2
    assert waits[1] == 7


def test_failures_that_do_not_pass_end() -> None:
    with Scripted(fixed(Answer(502))) as server, pytest.raises(SourceError, match="HTTP 502"):
        repository(server).manifest("v1")
    assert len(waits) == 4


def test_no_answer_at_all() -> None:
    silent = Answer(200, b"", {"Content-Length": "5"}, cut=0)
    with Scripted(fixed(silent)) as server, pytest.raises(SourceError, match="could not be read"):
        repository(server).manifest("v1")


def test_nobody_there_is_told_at_once() -> None:
    with Scripted(fixed(Answer())) as server:
        pass
    with pytest.raises(SourceError, match="can not connect") as raised:
        repository(server).manifest("v1")
    assert "HTTPS_PROXY" in str(raised.value.help)
    assert not waits


# --- blobs ---------------------------------------------------------------------------------------------


def ranged(cuts: list[int | None], data: bytes = DATA, *, ranges: bool = True) -> Callable[[Seen], Answer]:
    """Serves ``data``; the nth answer is cut after cuts[n] bytes."""
    left = iter(cuts)

    def answer(seen: Seen) -> Answer:
        start = 0
        if ranges and "Range" in seen.headers:
            start = int(seen.headers["Range"].removeprefix("bytes=").partition("-")[0])
            headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
            return Answer(206, data[start:], headers, next(left))
        return Answer(200, data, {}, next(left))

    return answer


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_download_is_taken_up_where_it_broke(store: Store, ranges: bool) -> None:
    told: list[int] = []
    with Scripted(ranged([300_000, 500_000, None], ranges=ranges)) as server:
        repository(server).fetch(store, BLOB, told.append)
        assert store.blobs.read(BLOB.digest) == DATA
        assert len(server.seen) == 3
        assert server.seen[1].headers["Range"].startswith("bytes=")
        assert sum(told) == len(DATA)
        repository(server).fetch(store, BLOB, told.append)
        assert len(server.seen) == 3


def test_a_download_that_never_advances_ends(store: Store) -> None:
    with Scripted(ranged([0] * 20)) as server, pytest.raises(SourceError, match="broke off"):
        repository(server).fetch(store, BLOB, lambda _: None)
    assert len(waits) < 20


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\1" + DATA[1:], "does not match its digest"),
        (DATA[:-1], "instead of"),
        (DATA + b"more", "larger"),
    ],
)
def test_other_bytes_than_were_asked_for(store: Store, data: bytes, why: str) -> None:
    with Scripted(fixed(Answer(200, data))) as server, pytest.raises(IntegrityError, match=why):
        repository(server).fetch(store, BLOB, lambda _: None)
    assert not store.blobs.has(BLOB.digest)


def test_another_range_than_was_asked_for(store: Store) -> None:
    answers = iter([Answer(200, DATA, {}, 1000), Answer(206, DATA, {"Content-Range": "bytes 0-9/10"})])
    with Scripted(lambda _: next(answers)) as server, pytest.raises(SourceError, match="another range"):
        repository(server).fetch(store, BLOB, lambda _: None)


def test_a_blob_that_the_registry_lost(store: Store) -> None:
    with Scripted(fixed(Answer(404))) as server, pytest.raises(NotFoundError, match="lost blob"):
        repository(server).fetch(store, BLOB, lambda _: None)


# --- redirects -----------------------------------------------------------------------------------------


def logged_in(tmp_path: Path, host: str, **entry: str) -> dict[str, str]:
    entry = entry or {"auth": base64.b64encode(b"anna:secret").decode()}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {host: entry}}))
    return {"DOCKER_CONFIG": str(tmp_path)}


BASIC = f"Basic {base64.b64encode(b'anna:secret').decode()}"


def guarded(inner: Callable[[Seen], Answer]) -> Callable[[Seen], Answer]:
    """Asks for anna's password first."""

    def answer(seen: Seen) -> Answer:
        if seen.headers.get("Authorization") != BASIC:
            return Answer(401, headers={"WWW-Authenticate": 'Basic realm="here"'})
        return inner(seen)

    return answer


def test_credentials_do_not_follow_a_redirect_to_another_host(store: Store, tmp_path: Path) -> None:
    with Scripted(fixed(Answer(200, DATA))) as elsewhere:
        away = Answer(307, headers={"Location": f"http://{elsewhere.host}/blob?signature=x"})
        with Scripted(guarded(fixed(away))) as server:
            environ = logged_in(tmp_path, server.host)
            repository(server, environ).fetch(store, BLOB, lambda _: None)
        assert [seen.headers.get("Authorization") for seen in elsewhere.seen] == [None]
    assert server.seen[-1].headers["Authorization"] == BASIC


def test_credentials_follow_a_redirect_within_the_host(store: Store, tmp_path: Path) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(302, headers={"Location": "/data"}) if "/v2/" in seen.path else Answer(200, DATA)

    with Scripted(guarded(answer)) as server:
        repository(server, logged_in(tmp_path, server.host)).fetch(store, BLOB, lambda _: None)
        assert server.seen[-1].path == "/data"


@pytest.mark.parametrize(
    ("location", "why"), [("/again", "more than 10 times"), ("file:///etc/passwd", "no web address")]
)
def test_redirects_that_lead_nowhere(store: Store, location: str, why: str) -> None:
    away = Answer(302, headers={"Location": location})
    with Scripted(fixed(away)) as server, pytest.raises(SourceError, match=why):
        repository(server).fetch(store, BLOB, lambda _: None)


# --- who we are ----------------------------------------------------------------------------------------


def test_basic_access(tmp_path: Path) -> None:
    with Scripted(guarded(fixed(Answer(200, MANIFEST, TYPE)))) as server:
        repo = repository(server, logged_in(tmp_path, server.host))
        assert repo.manifest("v1")[0].digest == DIGEST
        repo.manifest("v1")
        # Refused once, then the password is sent unasked.
        assert [seen.headers.get("Authorization") for seen in server.seen] == [None, BASIC, BASIC]


def test_access_is_denied_without_or_with_a_wrong_password(tmp_path: Path) -> None:
    with Scripted(guarded(fixed(Answer()))) as server:
        wrong = logged_in(tmp_path, server.host, auth=base64.b64encode(b"anna:wrong").decode())
        for environ in ({}, wrong):
            with pytest.raises(SourceError, match="denies access") as raised:
                repository(server, environ).manifest("v1")
            assert f"docker login {server.host}" in str(raised.value.help)


def tokens(realm: str, token_answer: Callable[[Seen], Answer]) -> Callable[[Seen], Answer]:
    """A registry and its token service in one."""

    def answer(seen: Seen) -> Answer:
        if seen.path.startswith("/token"):
            return token_answer(seen)
        if seen.headers.get("Authorization") == "Bearer good":
            return Answer(200, MANIFEST, TYPE)
        challenge = f'Bearer realm="{realm}",service="s e",scope="repository:team/app:pull"'
        return Answer(401, headers={"WWW-Authenticate": challenge})

    return answer


def answers(server_host: list[str], token_answer: Callable[[Seen], Answer]) -> Callable[[Seen], Answer]:
    return lambda seen: tokens(f"http://{server_host[0]}/token", token_answer)(seen)


def test_a_token_without_a_login() -> None:
    host: list[str] = []
    with Scripted(answers(host, fixed(Answer(200, b'{"access_token":"good"}')))) as server:
        host.append(server.host)
        repo = repository(server)
        repo.manifest("v1")
        repo.manifest("v1")
        assert [seen.path.partition("?")[0] for seen in server.seen[:3]] == [
            "/v2/team/app/manifests/v1",
            "/token",
            "/v2/team/app/manifests/v1",
        ]
        assert server.seen[1].path == "/token?service=s+e&scope=repository%3Ateam%2Fapp%3Apull"
        assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("entry", "method"),
    [({"username": "anna", "password": "secret"}, "GET"), ({"identitytoken": "abc"}, "POST")],
)
def test_a_token_for_a_login(tmp_path: Path, entry: dict[str, str], method: str) -> None:
    host: list[str] = []
    with Scripted(answers(host, fixed(Answer(200, b'{"token":"good"}')))) as server:
        host.append(server.host)
        repository(server, logged_in(tmp_path, server.host, **entry)).manifest("v1")
        asked = server.seen[1]
        assert asked.method == method
        if method == "GET":
            assert asked.headers["Authorization"] == BASIC
        else:
            assert b"grant_type=refresh_token" in asked.body
            assert b"refresh_token=abc" in asked.body


def test_a_ready_token_is_sent_as_it_is(tmp_path: Path) -> None:
    host: list[str] = []
    with Scripted(answers(host, fixed(Answer(500)))) as server:
        host.append(server.host)
        repository(server, logged_in(tmp_path, server.host, registrytoken="good")).manifest("v1")
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(401), "refuses access to team/app"),
        (Answer(200, b"{}"), "gave no token"),
        (Answer(200, b"x"), "not valid JSON"),
        (Answer(200, b'{"token":"a\\r\\nHost: b"}'), "gave no token"),
    ],
)
def test_token_services_that_give_none(answer: Answer, why: str) -> None:
    host: list[str] = []
    with Scripted(answers(host, fixed(answer))) as server:
        host.append(server.host)
        with pytest.raises(SourceError, match=why):
            repository(server).manifest("v1")


def test_a_password_is_not_sent_to_a_token_service_without_encryption(tmp_path: Path) -> None:
    with Scripted(tokens("http://tokens.example.com/token", fixed(Answer()))) as server:
        with pytest.raises(SourceError, match="without encryption"):
            repository(server, logged_in(tmp_path, server.host)).manifest("v1")
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ('BASIC realm="a, b"', [("basic", {"realm": "a, b"})]),
        ('Bearer realm="a\\"b" , scope=x', [("bearer", {"realm": 'a"b', "scope": "x"})]),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Bearer a="1",a="2"', [("bearer", {"a": "1"})]),
        ("=,=,=", []),
    ],
)
def test_challenges(header: str, expected: object) -> None:
    assert parse_challenges(header) == expected


# --- the way there -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.1.2.3:80", True),
        ("[::1]:5000", True),
        ("localhost.example.com", False),
        ("128.0.0.1", False),
        ("127.0.0.1.example.com:80", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected


def test_a_proxy_is_used_with_its_login() -> None:
    with Scripted(fixed(Answer(200, b"through"))) as proxy:
        transport = Transport(Settings(), {"http_proxy": f"http://us%65r:pw@{proxy.host}"})
        with transport.send(Request("GET", "http://registry.example.com/x", {})) as response:
            assert response.read_all(100, "it") == b"through"
        assert proxy.seen[0].path == "http://registry.example.com/x"
        login = base64.b64encode(b"user:pw").decode()
        assert proxy.seen[0].headers["proxy-authorization"] == f"Basic {login}"


def test_a_proxy_is_not_used_for_this_machine_nor_where_no_proxy_says_so() -> None:
    with Scripted(fixed(Answer())) as proxy, Scripted(fixed(Answer(200, MANIFEST, TYPE))) as server:
        environ = {"HTTP_PROXY": f"http://{proxy.host}", "NO_PROXY": "192.0.2.1"}
        repository(server, environ).manifest("v1")
        transport = Transport(Settings(connect_seconds=0.1), environ)
        with pytest.raises(SourceError, match="can not connect"):
            transport.send(Request("GET", "http://192.0.2.1/x", {}))
        assert not proxy.seen
