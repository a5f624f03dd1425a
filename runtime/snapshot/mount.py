"""Stacks of layers as overlay mounts."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from ..errors import EnvironmentLackError
from ..store import Draft, Store, remove_tree
from ..store.privileges import is_privileged
from . import syscalls
from .metadata import set_metadata
from .passed import correction
from .view import StackView

__all__ = ["enter_mount_namespace", "mount", "mount_over"]

MOST_LAYERS = 500  # OVL_MAX_STACK of the kernel

# The upper directory must be a plain diff: no references into lower layers, no metadata without content.
# (Not to follow redirects is the one setting that the kernel takes together with userxattr.)
_PLAIN = {"redirect_dir": "nofollow", "metacopy": "off", "index": "off"}
_BUSY_TRIES, _BUSY_WAIT = 5, 0.01
_NO_TIME = 946_684_800 * 10**9  # 2000-01-01


def enter_mount_namespace() -> None:
    """Give this process its own mounts, which vanish with it. Call it before other threads are started.

    Raises :class:`EnvironmentLackError`.
    """
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    except OSError as error:
        raise EnvironmentLackError(
            f"no permission to make a mount namespace: {error.strerror}",
            help="run as root, or allow user namespaces; 'layerc doctor' tells more",
        ) from error


@contextlib.contextmanager
def mount(store: Store, stack: Sequence[str], draft: Draft | None = None) -> Iterator[str]:
    """The merged tree of ``stack`` (diff IDs, bottom to top), as a directory, until the block ends.

    With ``draft`` it can be written to and the changes are collected in the draft; without, it can not.
    Raises :class:`StoreError` for a missing layer, :class:`EnvironmentLackError` if the kernel refuses.
    """
    lowers = lower_directories(store, stack)
    if draft is None:
        with _read_only(store, lowers) as target:
            yield target
        return
    target = os.path.join(draft.path, "merged")
    os.mkdir(target)
    _prepare(draft, StackView(store, stack))
    overlay(store, lowers or ["0"], target, draft)
    try:
        yield target
    finally:
        _take_down(target)


@contextlib.contextmanager
def mount_over(store: Store, tree: str, parent: StackView, draft: Draft) -> Iterator[str]:
    """As :func:`mount` with a draft, on the directory ``tree``, which shows what ``parent`` does.

    ``tree`` may be on another file system than the store; numbers of files and devices are made to look as if it
    were not, for programs that stay on one file system. The root has the time that mirrors give directories.
    Raises :class:`EnvironmentLackError`.
    """
    target = os.path.join(draft.path, "merged")
    os.mkdir(target)
    _prepare(draft, parent)
    os.utime(draft.diff, ns=(_NO_TIME, _NO_TIME))
    lower = os.path.relpath(tree, os.path.join(store.root, "snapshots"))
    overlay(store, [lower], target, draft, foreign=True)
    try:
        yield target
    finally:
        _take_down(target)


def lower_directories(store: Store, stack: Sequence[str]) -> list[str]:
    """Directories to merge, top to bottom, relative to the store's snapshots."""
    layers = store.layers(stack)
    opaque = [number for number, layer in enumerate(layers) if layer.opaque]
    seen = layers[opaque[-1] :] if opaque else layers
    # The kernel takes no directory twice; what a layer says a second time further down is said already.
    numbers = (n for layer in reversed(seen) if layer.entries for n in (layer.snapshot, layer.borrows) if n)
    lowers = list(dict.fromkeys(map(str, numbers)))
    corrected = correction(store, seen)
    return lowers if corrected is None else [corrected, *lowers]


def _prepare(draft: Draft, parent: StackView) -> None:
    """Make the draft fit to be mounted: the tree's root shows the metadata of the upper's root."""
    remove_tree(draft.work)  # a work directory of a volatile mount serves once
    os.mkdir(draft.work, 0o700)
    root = parent.lstat("")
    if root is not None and not os.listdir(draft.diff):
        set_metadata(draft.diff, root)


@contextlib.contextmanager
def _read_only(store: Store, lowers: list[str]) -> Iterator[str]:
    target = store.temporary("mount")
    os.mkdir(target)
    if not lowers:
        yield target
        os.rmdir(target)
        return
    try:
        if len(lowers) == 1:
            syscalls.bind_read_only(os.path.join(store.root, "snapshots", lowers[0]), target)
        else:
            overlay(store, lowers, target, None)
    except OSError as error:
        raise _refused(error) from error
    try:
        yield target
    finally:
        _take_down(target)


def overlay(
    store: Store, lowers: list[str], target: str, draft: Draft | None, *, foreign: bool = False
) -> None:
    """Mount ``lowers`` (top to bottom) at ``target``, with the draft's directories above them.

    ``foreign`` ones are not on the store's file system.
    """
    if len(lowers) > MOST_LAYERS:
        raise EnvironmentLackError(
            f"an overlay of {len(lowers)} layers: the kernel can not merge more than {MOST_LAYERS}",
            help="join steps of the Dockerfile, or start from an image with fewer layers",
        )
    options = {**_PLAIN, "xino": "on" if foreign else "off"}
    flags = ["userxattr"] if store.unprivileged else []
    if not store.unprivileged and not is_privileged():
        raise EnvironmentLackError(
            f"the store at {store.root} was made by root; its layers can not be mounted in a user namespace",
            help="run as root, or set LAYERC_HOME to a directory of your own",
        )
    try:
        try:
            _mount_new(store, lowers, target, draft, options, flags)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS):
                raise
            _mount_old(store, lowers, target, draft, options, flags)
    except OSError as error:
        raise _refused(error) from error


def _mount_new(
    store: Store,
    lowers: list[str],
    target: str,
    draft: Draft | None,
    options: Mapping[str, str],
    flags: list[str],
) -> None:
    """By the new interface (lower directories one by one since Linux 6.8), which has no limit of length."""
    base = os.open(os.path.join(store.root, "snapshots"), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    own = None if draft is None else os.open(draft.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    descriptor = syscalls.open_file_system("overlay")
    try:
        syscalls.set_option(descriptor, "source", "layerc")
        for lower in lowers:
            # A value may have 255 bytes: paths begin at an open directory.
            syscalls.add_lower(descriptor, f"/proc/self/fd/{base}/{lower}")
        if own is not None:
            syscalls.set_option(descriptor, "upperdir", f"/proc/self/fd/{own}/diff")
            syscalls.set_option(descriptor, "workdir", f"/proc/self/fd/{own}/work")
            # The upper is flushed with the whole store, or thrown away: not at each unmount.
            flags = [*flags, "volatile"]
        for key, value in options.items():
            syscalls.set_option(descriptor, key, value)
        for flag in flags:
            syscalls.set_option(descriptor, flag)
        syscalls.create_and_attach(descriptor, target, read_only=draft is None)
    finally:
        os.close(descriptor)
        os.close(base)
        if own is not None:
            os.close(own)


def _mount_old(
    store: Store,
    lowers: list[str],
    target: str,
    draft: Draft | None,
    options: Mapping[str, str],
    flags: list[str],
) -> None:
    """By mount(2), whose options have 4096 bytes: relative paths, in a thread with a directory of its own."""
    parts = [f"lowerdir={':'.join(lowers)}", *(f"{key}={value}" for key, value in options.items()), *flags]
    if draft is not None:
        own = os.path.relpath(draft.path, os.path.join(store.root, "snapshots"))
        parts += [f"upperdir={own}/diff", f"workdir={own}/work", "volatile"]
    read_only = syscalls.MS_RDONLY if draft is None else 0
    failures: list[BaseException] = []

    def run() -> None:
        try:
            syscalls.unshare(syscalls.CLONE_FS)
            os.chdir(os.path.join(store.root, "snapshots"))
            syscalls.mount("layerc", target, "overlay", read_only, ",".join(parts))
        except BaseException as error:  # noqa: BLE001  # raised again in the thread that waits
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def _take_down(target: str) -> None:
    for attempt in range(_BUSY_TRIES):
        try:
            syscalls.unmount(target)
            break
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            time.sleep(_BUSY_WAIT * attempt)
    else:
        syscalls.unmount(target, syscalls.MNT_DETACH)
    os.rmdir(target)


def _refused(error: OSError) -> EnvironmentLackError:
    return EnvironmentLackError(
        f"the kernel refuses an overlay mount: {error.strerror}",
        help="it needs root or a user namespace, and a store on a file system such as ext4, xfs or btrfs "
        "(not on another overlay); 'layerc doctor' tells more",
    )
