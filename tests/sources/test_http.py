"""ADD of URLs, against a server on this machine."""

import base64
import gzip
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from layerc.compiler.graph.operations import HttpFile
from layerc.runtime.errors import IntegrityError, SourceError, UsageError
from layerc.runtime.events import TaskFinished, TaskStarted
from layerc.runtime.registry.transport import Settings, Transport
from layerc.runtime.sources.http import HttpSource, file_name, shown
from layerc.runtime.store.store import Store


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.seen.append((self.path, dict(self.headers)))
        status, headers, body = server.answers[self.path]
        if (
            headers.get("ETag")
            and self.headers.get("If-None-Match") == headers["ETag"]
            and server.honours_etags
        ):
            status, body = 304, b""
        if self.path == "/private" and "Authorization" not in self.headers:
            status = 401
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.answers, httpd.seen, httpd.honours_etags = {}, [], True
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{httpd.server_port}"

    def serve(path, body, status=200, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        httpd.answers[path] = (status, names, body)
        return url + path

    yield SimpleNamespace(url=url, serve=serve, httpd=httpd, seen=httpd.seen)
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def store(tmp_path):
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


def source(store, **options):
    settings = Settings(wait=lambda _: None)
    return HttpSource(store, transport=Transport(settings, {}), **options)


def read(tree):
    (name,) = tree.listdir("")
    with tree.open(name) as file:
        return file.read()


def sha256(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_a_file_with_its_name_mode_and_time(server, store):
    url = server.serve("/a/file%20name.txt?q=1", b"content", Last_Modified="Wed, 21 Oct 2015 07:28:00 GMT")
    tree = source(store).fetch(HttpFile(url))
    entry = tree.lstat("file name.txt")
    assert (entry.mode, entry.uid, entry.size) == (0o600, 0, 7)
    assert entry.mtime_ns == 1445412480 * 10**9
    assert tree.digest("file name.txt") == entry.digest == sha256(b"content")
    assert read(tree) == b"content"
    assert tree.lstat("").kind == "directory"
    assert tree.lstat("other") is None
    with pytest.raises(FileNotFoundError):
        tree.open("other")


def test_without_last_modified_it_is_1970(server, store):
    tree = source(store).fetch(HttpFile(server.serve("/f", b"x", Last_Modified="yesterday")))
    assert tree.lstat("f").mtime_ns == 0


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://h/a/b.tar.gz", "b.tar.gz"),
        ("http://h/a/b/", "b"),
        ("http://h", "__unnamed__"),
        ("http://h/?a=b", "__unnamed__"),
        ("http://h/%2e%2e", "download"),
        ("http://h/a%0ab", "download"),
        ("http://h/a%2Fb", "b"),
        ("http://h/%C3%A4", "ä"),
    ],
)
def test_names(url, name):
    assert file_name(url) == name


def test_one_build_asks_once_and_the_next_asks_whether_it_changed(server, store):
    url = server.serve("/f", b"one", ETag='"1"')
    first = source(store)
    assert read(first.fetch(HttpFile(url))) == b"one"
    assert read(first.fetch(HttpFile(url))) == b"one"
    assert len(server.seen) == 1
    assert read(source(store).fetch(HttpFile(url))) == b"one"
    assert server.seen[1][1]["If-None-Match"] == '"1"'
    server.serve("/f", b"two", ETag='"2"')
    assert read(source(store).fetch(HttpFile(url))) == b"two"


def test_a_weak_etag_and_a_server_that_sends_everything_again(server, store):
    url = server.serve("/f", b"one", ETag='W/"1"')
    server.httpd.honours_etags = False
    events = []
    source(store).fetch(HttpFile(url))
    assert read(source(store, report=events.append).fetch(HttpFile(url))) == b"one"
    assert [type(event) for event in events] == [TaskStarted, TaskFinished]  # no bytes were taken


def test_without_an_etag_it_is_downloaded_again(server, store):
    url = server.serve("/f", b"one")
    source(store).fetch(HttpFile(url))
    server.serve("/f", b"two")
    assert read(source(store).fetch(HttpFile(url))) == b"two"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_checksums(server, store, algorithm):
    url = server.serve("/f", b"content")
    good = f"{algorithm}:{hashlib.new(algorithm, b'content').hexdigest()}"
    bad = f"{algorithm}:{hashlib.new(algorithm, b'other').hexdigest()}"
    assert read(source(store).fetch(HttpFile(url, good))) == b"content"
    with pytest.raises(IntegrityError, match=rf"/f does not match its digest: expected {bad}, got {good}"):
        source(store).fetch(HttpFile(url, bad))


def test_with_a_checksum_the_network_is_not_asked_again(server, store):
    url = server.serve("/f", b"content")
    source(store).fetch(HttpFile(url, sha256(b"content")))
    server.httpd.answers.clear()
    assert read(source(store).fetch(HttpFile(url, sha256(b"content")))) == b"content"
    assert len(server.seen) == 1


def test_a_malformed_checksum(server, store):
    with pytest.raises(UsageError, match="not a digest"):
        source(store).fetch(HttpFile(server.url, "md5"))


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden"), (599, "599")])
def test_refusals(server, store, status, words):
    url = server.serve("/f?token=secret", b"", status=status)
    with pytest.raises(
        SourceError, match=f"can not download {server.url}/f: the server answers {words}"
    ) as caught:
        source(store).fetch(HttpFile(url))
    assert "secret" not in str(caught.value)


def test_nobody_answers(store):
    with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
        source(store).fetch(HttpFile("http://127.0.0.1:9/f"))


def test_redirects_are_followed_and_the_name_stays(server, store):
    target = server.serve("/elsewhere/real", b"content")
    url = server.serve("/latest.txt", b"", status=302, Location=target)
    tree = source(store).fetch(HttpFile(url))
    assert tree.listdir("") == ["latest.txt"]
    assert read(tree) == b"content"


def test_a_body_compressed_for_the_way_is_decompressed(server, store):
    url = server.serve("/f", gzip.compress(b"content"), Content_Encoding="gzip")
    assert read(source(store).fetch(HttpFile(url))) == b"content"
    url = server.serve("/cut", gzip.compress(b"content")[:-9], Content_Encoding="gzip")
    with pytest.raises(SourceError, match="broke off"):
        source(store).fetch(HttpFile(url))


def test_a_download_that_breaks_off_is_an_error_and_keeps_nothing(server, store):
    url = server.serve("/f", b"short", Content_Length="100")
    with pytest.raises(SourceError, match="broke off"):
        source(store).fetch(HttpFile(url))
    assert len(server.seen) == 3
    assert not store.blobs.has(sha256(b"short"))


def test_credentials(server, store):
    url = server.serve("/private", b"content")
    with pytest.raises(SourceError, match="401"):
        source(store).fetch(HttpFile(url))
    with_user = url.replace("http://", "http://me:se%40cret@")
    assert read(source(store).fetch(HttpFile(with_user))) == b"content"
    assert server.seen[-1][1]["Authorization"] == f"Basic {base64.b64encode(b'me:se@cret').decode()}"
    source(store, authorization=lambda host: f"Bearer for {host}").fetch(HttpFile(url))
    assert server.seen[-1][1]["Authorization"] == "Bearer for 127.0.0.1"
    assert shown(with_user) == url


def test_it_can_be_cancelled(server, store):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        source(store, check=stop).fetch(HttpFile(server.serve("/f", b"x")))


def test_threads_share_one_download(server, store):
    url = server.serve("/f", b"x" * 100_000)
    shared = source(store)
    threads = [threading.Thread(target=shared.fetch, args=(HttpFile(url),)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 1
