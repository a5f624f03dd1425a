import pytest

from layerc.runtime.engine.filecopy.ownership import resolve_owner
from layerc.runtime.sources.context import ContextTree

PASSWD = "root:x:0:0::/root:/bin/sh\n# comment\nbroken\nweb:x:33:34:web:/var/www:/bin/sh\n1000:x:5:6::/:\n"
GROUP = "root:x:0:\nstaff:x:50:web\n"


@pytest.fixture
def image(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(PASSWD)
    (tmp_path / "etc/group").write_text(GROUP)
    with ContextTree(str(tmp_path)) as tree:
        yield tree


@pytest.mark.parametrize(
    ("chown", "owner"),
    [
        ("0", (0, 0)),
        ("1000", (1000, 1000)),
        ("1000:5", (1000, 5)),
        ("web", (33, 34)),
        ("web:staff", (33, 50)),
        ("web:7", (33, 7)),
        ("7:staff", (7, 50)),
        (":staff", (0, 50)),
        ("web:", (33, 0)),
        ("root", (0, 0)),
        ("root:root", (0, 0)),
        ("web:root", (33, 0)),
    ],
)
def test_names_and_numbers(image, chown, owner):
    assert resolve_owner(chown, image) == owner


@pytest.mark.parametrize(
    ("chown", "owner", "message", "advice"),
    [
        ("wbe", (0, 0), "no user 'wbe' in /etc/passwd", "did you mean 'web'?"),
        ("web:staf", (33, 34), "no group 'staf' in /etc/group", "did you mean 'staff'?"),
        ("nobody-knows:staff", (0, 50), "no user", "give its number"),
        ("99999999999", (0, 0), "no user", ""),
        ("-1", (0, 0), "no user", ""),
    ],
)
def test_unknown_names_are_root_and_told(image, chown, owner, message, advice):
    told = []
    assert resolve_owner(chown, image, told.append) == owner
    (text,) = told
    assert message in text
    assert advice in text


def test_an_image_without_users(tmp_path):
    with ContextTree(str(tmp_path)) as tree:
        assert resolve_owner("1:2", tree) == (1, 2)
        assert resolve_owner("web", tree) == (0, 0)


def test_the_databases_are_never_read_outside_of_the_image(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").symlink_to("../../../../../../../etc/passwd")
    told = []
    with ContextTree(str(tmp_path)) as tree:
        assert resolve_owner("daemon", tree, told.append) == (0, 0)
    assert "no user 'daemon'" in told[0]
