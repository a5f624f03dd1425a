"""Cleaning up after this process if it is killed in a way that it can not see coming."""

from __future__ import annotations

import os
import subprocess

__all__ = ["Keeper"]

# Its standard input ends when this process does, however that comes about.
_SCRIPT = """
read -r _
group=$1 directory=$2 runtime=$3 tries=0
while [ -n "$group" ] && [ -d "$group" ] && [ $tries -lt 500 ]; do
    rmdir "$group"/*/ "$group" 2>/dev/null && break
    if [ -e "$group/cgroup.kill" ]; then
        echo 1 > "$group/cgroup.kill"
    else
        cat "$group"/*/cgroup.procs | while read -r process; do kill -9 "$process"; done
    fi
    sleep 0.01
    tries=$((tries + 1))
done
for container in "$directory"/state/*/; do
    [ -d "$container" ] || continue
    container=${container%/}
    "$runtime" --root="$directory/state" delete --force "${container##*/}"
done
rm -rf "$directory"
"""


class Keeper:
    """A shell that waits for this process's end, then ends steps that still run and removes ``directory``.

    It holds ``lock``, too, so that nobody removes the directory, by which it finds the containers, before it
    has ended them.
    """

    def __init__(self, directory: str, lock: int, runtime: str, group: str | None) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, "layerc-keeper", group or "", directory, runtime],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            cwd="/",
            pass_fds=(lock,),
            start_new_session=True,
        )

    def close(self) -> None:
        """There is nothing left to clean up."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
