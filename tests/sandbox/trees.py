"""A root file system of one static program."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

APPLETS = "sh true cat ls id mount sleep env mkdir touch dd mknod stat head wc grep ln mv"
OLD = 10**18
PASSWD = """\
root:x:0:0:root:/root:/bin/sh
app:x:1000:1001:App:/home/app:/bin/sh
"""
GROUP = """\
root:x:0:
staff:x:50:app,other
app:x:1001:
wheel:x:60:other,app
"""


def make_rootfs(root: Path) -> Path:
    (root / "bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for name in APPLETS.split():
        (root / "bin" / name).symlink_to("busybox")
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    for path in [root, *root.rglob("*")]:
        os.utime(path, ns=(OLD, OLD), follow_symlinks=False)
    return root
