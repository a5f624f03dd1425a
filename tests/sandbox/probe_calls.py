"""Runs inside a sandbox, from a Python on the machine's own file system: tries system calls, prints results."""

import ctypes
import errno
import json
import sys
from typing import Any

CALLS: dict[str, tuple[Any, ...]] = {
    "mount": (165, b"none", b"/mnt", b"tmpfs", 0, None),
    "unshare_user": (272, 0x10000000),
    "unshare_mount": (272, 0x20000),
    "clone_user": (56, 0x10000000 | 17, None, None, None, None),
    "clone3": (435, None, 0),
    "keyctl": (250, 0, -1, 0),
    "bpf": (321, 0, None, 0),
    "perf_event_open": (298, None, 0, -1, -1, 0),
    "reboot": (169, 0, 0, 0, None),
    "init_module": (175, None, 0, None),
    "kexec_load": (246, 0, 0, None, 0),
    "open_by_handle_at": (304, -1, None, 0),
    "setns": (308, -1, 0),
    "swapon": (167, b"/nope", 0),
    "io_uring_setup": (425, 1, None),
    "userfaultfd": (323, 0),
    "socket_alg": (41, 38, 5, 0),
    "socket_vsock": (41, 40, 1, 0),
    "socket_inet": (41, 2, 1, 0),
    "personality_odd": (135, 0x0400000),
    "personality_query": (135, 0xFFFFFFFF),
    "ptrace_self": (101, 0, 0, 0, 0),
    "newer_than_all": (4095,),
    "x32_newer": (0x40000000 | 4095,),
    "statx": (332, -100, b"/", 0, 0x7FF, bytes(256)),
    "statx_size": (332, -100, b"/", 0x100, 0x200, bytes(256)),
    "statx_birth_too": (332, -100, b"/", 0x2000, 0xFFF, bytes(256)),
    "statx_lazy": (332, -100, b"/", 0x4000, 0x7FF, bytes(256)),
    "statx_lazy_link": (332, -100, b"/", 0x4100, 0x200, bytes(256)),
    "statx_of_nothing": (332, -100, b"/", 0, 0, bytes(256)),
    "statx_of_birth": (332, -100, b"/", 0, 0x800, bytes(256)),
    "statx_of_nothing_in_64_bits": (332, -100, b"/", 0, 1 << 32, bytes(256)),
    "futex_waitv_known": (449, None, 0, 0, None, 0),
}


def main() -> None:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    results = {}
    for name in sys.argv[1:] or CALLS:
        number, *arguments = CALLS[name]
        ctypes.set_errno(0)
        padded = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
        result = library.syscall(ctypes.c_long(number), *padded)
        results[name] = "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()]
    print(json.dumps(results))


main()
