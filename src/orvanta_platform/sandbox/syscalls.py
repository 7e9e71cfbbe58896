"""System calls that Python's standard library lacks, called through libc.

Standard library only: this runs in the zygote (`python -I -S`).
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import socket
import struct

CLONE_PIDFD = 0x00001000
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
SIGCHLD = 17

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 1
_MOUNT_ATTR_NOSUID = 2
_MOUNT_ATTR_NODEV = 4
_CAPABILITY_VERSION_3 = 0x20080522

_NUMBERS = {
    "x86_64": {"clone": 56, "pivot_root": 155, "capget": 125, "capset": 126},
    "aarch64": {"clone": 220, "pivot_root": 41, "capget": 90, "capset": 91},
}
# The same on every architecture since Linux 5.
_COMMON = {
    "close_range": 436,
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
}

# PyDLL holds the interpreter lock, which must not be released in the child of a raw clone.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_PEEK = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)
_PEEKED, _PEEKED_BYTES = ctypes.create_string_buffer(1), ctypes.c_size_t(1)


def number(name: str) -> int:
    """Return the number of the system call `name` on this machine. Raises OSError(ENOSYS) if it is unknown."""
    if name in _COMMON:
        return _COMMON[name]
    try:
        return _NUMBERS[platform.machine()][name]
    except KeyError:
        raise OSError(38, f"{name} is unknown on {platform.machine()}") from None


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def syscall(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    """Call `name`; integers are passed as longs, bytes and buffers as pointers. Raises OSError."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _check(_libc.syscall(ctypes.c_long(number(name)), *converted), name)


def prctl(option: int, argument: int) -> None:
    """Call prctl(option, argument, 0, 0, 0). Raises OSError."""
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero), f"prctl {option}")


def has_input(connection: int) -> bool:
    """Return whether a socket has received data, which stays there, or is closed by the other end.

    In a newly forked process this takes a third of the page faults of `select`.
    """
    return bool(_libc.recv(connection, _PEEKED, _PEEKED_BYTES, _PEEK) >= 0)


def install_seccomp(program: bytes) -> None:
    """Install the classic BPF `program` (8 bytes an instruction) as this thread's seccomp filter."""
    _, header = seccomp_header(program)
    mode_filter, zero = ctypes.c_ulong(2), ctypes.c_ulong(0)
    _check(_libc.prctl(PR_SET_SECCOMP, mode_filter, header, zero, zero), "seccomp")


@functools.cache
def seccomp_header(program: bytes) -> tuple[ctypes.Array[ctypes.c_char], bytes]:
    """Return a buffer with `program` and the header that points to it, made once for all forked processes."""
    buffer = ctypes.create_string_buffer(program, len(program))
    return buffer, struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))


def clone(flags: int) -> tuple[int, int]:
    """Fork with `flags` (namespaces). Returns (0, -1) in the child and (pid, pidfd) in the parent.

    Bypasses libc's fork, so the child's cached thread id is that of the parent: the child must fork again (os.fork)
    before it runs foreign code.
    """
    pidfd = ctypes.create_string_buffer(4)
    pid = syscall("clone", flags | CLONE_PIDFD | SIGCHLD, 0, pidfd, 0, 0)
    return (0, -1) if pid == 0 else (pid, int.from_bytes(pidfd.raw, "little"))


def unshare(flags: int) -> None:
    """Call unshare(flags). Raises OSError."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Call mount(2); `kind` is None for bind and remount. Raises OSError naming the target."""
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    _check(result, f"mount {target}")


def unmount_lazily(target: str) -> None:
    """Call umount2(target, MNT_DETACH). Raises OSError."""
    _check(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    """Call pivot_root(2). Raises OSError."""
    syscall("pivot_root", new_root.encode() + b"\0", put_old.encode() + b"\0")


def make_read_only(target: str) -> None:
    """Make every mount at and below `target` read-only and without set-user-id (Linux >= 5.12)."""
    _set_attributes(target, _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID)


def make_harmless(target: str) -> None:
    """Disable set-user-id programs and devices at and below `target` (Linux >= 5.12)."""
    _set_attributes(target, _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV)


def _set_attributes(target: str, attribute_mask: int) -> None:
    attributes = struct.pack("QQQQ", attribute_mask, 0, 0, 0)
    syscall("mount_setattr", _AT_FDCWD, target.encode() + b"\0", _AT_RECURSIVE, attributes, len(attributes))


def drop_bounding_set() -> None:
    """Ensure that no later exec gains a capability. Requires CAP_SETPCAP."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break


def drop_capabilities() -> None:
    """Drop every capability of this process."""
    header = struct.pack("II", _CAPABILITY_VERSION_3, 0)
    syscall("capset", header, struct.pack("6I", 0, 0, 0, 0, 0, 0))


def drop_inheritable() -> None:
    """Keep the capabilities of this process, but drop inheritable ones, which an exec could pass on to a file."""
    header = struct.pack("II", _CAPABILITY_VERSION_3, 0)
    held = ctypes.create_string_buffer(24)
    syscall("capget", header, held)
    effective, permitted, _, effective_high, permitted_high, _ = struct.unpack("6I", held.raw)
    syscall("capset", header, struct.pack("6I", effective, permitted, 0, effective_high, permitted_high, 0))


def close_all_but(keep: set[int]) -> None:
    """Close every file descriptor of this process that is not in `keep`."""
    low = 0
    for descriptor in sorted(keep):
        if descriptor > low:
            _close_range(low, descriptor - 1)
        low = descriptor + 1
    _close_range(low, 0x7FFFFFFF)


def _close_range(first: int, last: int) -> None:
    try:
        syscall("close_range", first, last, 0)
    except OSError:  # Linux < 5.9
        os.closerange(first, min(last, os.sysconf("SC_OPEN_MAX")) + 1)
