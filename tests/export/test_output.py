"""The values of ``-o``, as the docker command takes them."""

import pytest

from layerc.runtime.errors import UsageError
from layerc.runtime.export import EXPORTERS, Output, parse_output
from layerc.runtime.export.exporters import check


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("out", Output("local", "out")),
        ("./a=b/c", Output("local", "./a=b/c")),
        ("-", Output("tar", "-")),
        ("type=local,dest=out", Output("local", "out")),
        ("type=tar", Output("tar", "")),
        ("type=oci,dest=a.tar,tar=true", Output("oci", "a.tar", {"tar": "true"})),
        ("type=oci,dest=a,tar=false", Output("oci-layout", "a")),
        ("type=oci-layout,dest=a", Output("oci-layout", "a")),
        ("type=oci,DEST=a,Compression=zstd", Output("oci", "a", {"compression": "zstd"})),
        ('type=oci,"name=a,b:1",dest=-', Output("oci", "-", {"name": "a,b:1"})),
        ("type=docker", Output("docker", "")),
        ("type=oci,annotation.Key=a=b", Output("oci", "", {"annotation.Key": "a=b"})),
    ],
)
def test_values(text: str, expected: Output) -> None:
    assert parse_output(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "type=oci,dest", "dest=a,type=", "type=oci,output=x", 'type=oci,"dest=a', "type=oci,tar=maybe"],
)
def test_what_can_not_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        check(parse_output(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("type=ocl,dest=x", "unknown output type"),
        ("type=oci,dset=x", "no option 'dset'"),
        ("type=oci,compression=lzma", "unknown compression"),
        ("type=oci,compression-level=ten", "not a number"),
        ("type=oci,compression-level=10", "levels 0 to 9"),
        ("type=oci,compression=uncompressed,compression-level=1", "no levels"),
        ("type=oci,force-compression=si", "neither true nor false"),
        ("type=oci,annotation-mainfest.a=b", "no annotation"),
        ("type=oci-layout", "needs a directory"),
        ("type=oci-layout,dest=-", "needs a directory"),
        ("type=local", "needs a directory"),
        ("type=oci,name=Upper", "lowercase"),
        ("type=oci,name=a@sha256:" + "0" * 64, "with a digest"),
    ],
)
def test_mistakes_are_told_before_anything_is_built(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        check(parse_output(text))


def test_every_exporter_takes_its_own_name() -> None:
    for name, exporter in EXPORTERS:
        assert isinstance(check(Output(name, "somewhere")), exporter)
