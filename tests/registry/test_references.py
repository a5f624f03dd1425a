"""Image references as Docker reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.registry.references import InvalidReferenceError, Reference, parse_reference

SHA = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("debian", "docker.io/library/debian", "debian"),
        ("debian:12", "docker.io/library/debian:12", "debian:12"),
        ("library/debian", "docker.io/library/debian", "debian"),
        ("docker.io/debian", "docker.io/library/debian", "debian"),
        ("index.docker.io/debian", "docker.io/library/debian", "debian"),
        ("docker.io/library/debian", "docker.io/library/debian", "debian"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("user/app:v1.0_x", "docker.io/user/app:v1.0_x", "user/app:v1.0_x"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost", "docker.io/library/localhost", "localhost"),
        ("localhost:5000/app", "localhost:5000/app", "localhost:5000/app"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("example.com/a/b/c", "example.com/a/b/c", "example.com/a/b/c"),
        ("example.com:8080/a:t", "example.com:8080/a:t", "example.com:8080/a:t"),
        ("Example/app", "Example/app", "Example/app"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("127.0.0.1:5000/app", "127.0.0.1:5000/app", "127.0.0.1:5000/app"),
        (f"debian@{SHA}", f"docker.io/library/debian@{SHA}", f"debian@{SHA}"),
        (f"debian:12@{SHA}", f"docker.io/library/debian:12@{SHA}", f"debian:12@{SHA}"),
        ("a__b/c-d.e--f", "docker.io/a__b/c-d.e--f", "a__b/c-d.e--f"),
        ("xn--n3h.com/myimage", "xn--n3h.com/myimage", "xn--n3h.com/myimage"),
        ("a/b:" + "t" * 128, "docker.io/a/b:" + "t" * 128, "a/b:" + "t" * 128),
    ],
)
def test_names(text: str, full: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == full
    assert reference.familiar == familiar
    assert parse_reference(full) == reference
    assert parse_reference(familiar) == reference


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "invalid reference format"),
        ("Debian", "must be lowercase"),
        ("example.com/Debian:x", "must be lowercase"),
        ("debian:", "invalid reference format"),
        (":tag", "invalid reference format"),
        ("debian:-x", "invalid reference format"),
        ("a/b:" + "t" * 129, "invalid reference format"),
        ("a..b/c", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a-", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("https://example.com/a", "invalid reference format"),
        ("debian@sha256:abc", "invalid reference format"),
        ("debian@" + SHA.upper(), "must be lowercase"),
        ("debian@sha256:" + "AB" * 32, "not a digest"),
        ("debian@md5:" + "ab" * 16, "unsupported"),
        ("debian@sha256:" + "ab" * 31, "64 digits"),
        ("ab" * 32, "hexadecimal"),
        ("debian:12\n", "invalid reference format"),
        (" debian", "invalid reference format"),
        ("debian:ü", "invalid reference format"),
        ("a" * 256, "at most 255"),
        ("example.com:port/a", "invalid reference format"),
        ("a" * 5000, "too long"),
    ],
)
def test_what_is_no_reference_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidReferenceError, match=why):
        parse_reference(text)


def test_the_host_of_docker_hub_and_the_default_tag() -> None:
    reference = parse_reference("debian")
    assert reference.host == "registry-1.docker.io"
    assert reference.tagged().version == "latest"
    assert parse_reference(f"debian@{SHA}").tagged().tag == ""
    assert parse_reference(f"debian:12@{SHA}").version == SHA


component = st.sampled_from(["a", "b1", "a-b", "a--b", "a_b", "c__d", "0"])
domains = st.sampled_from(["docker.io", "example.com", "localhost:5000", "quay.io:443"])


@given(domains, st.lists(component, min_size=2, max_size=4), st.sampled_from(["", "latest", "v1.0-rc_1"]))
def test_writing_and_reading_is_the_identity(domain: str, parts: list[str], tag: str) -> None:
    reference = Reference(domain, "/".join(parts), tag)
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference


@given(st.text(alphabet="aA0.:/@-_[]é\n", max_size=20))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidReferenceError:
        return
    assert parse_reference(str(reference)) == reference
