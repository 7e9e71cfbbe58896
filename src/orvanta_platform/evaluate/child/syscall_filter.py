"""Seccomp filter that allows only the system calls of the evaluation; others fail with EPERM. Standard library only."""

from __future__ import annotations

import errno
import platform
import struct

_LOAD, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_THIRD = 0, 4, 32
_PROT_EXEC = 4

# By architecture: AUDIT_ARCH, the calls that may make memory executable, the allowed calls.
_ARCHITECTURES: dict[str, tuple[int, dict[str, int], dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {"mmap": 9, "mprotect": 10},
        {
            "read": 0, "write": 1, "close": 3, "poll": 7, "munmap": 11, "brk": 12, "rt_sigaction": 13,
            "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28,
            "setitimer": 38, "getpid": 39, "sendto": 44, "recvfrom": 45, "exit": 60, "gettimeofday": 96,
            "getrusage": 98, "futex": 202, "restart_syscall": 219, "clock_gettime": 228, "exit_group": 231,
            "getrandom": 318,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {"mmap": 222, "mprotect": 226},
        {
            "read": 63, "write": 64, "close": 57, "ppoll": 73, "munmap": 215, "brk": 214, "rt_sigaction": 134,
            "rt_sigprocmask": 135, "rt_sigreturn": 139, "sched_yield": 124, "mremap": 216, "madvise": 233,
            "setitimer": 103, "getpid": 172, "sendto": 206, "recvfrom": 207, "exit": 93, "gettimeofday": 169,
            "getrusage": 165, "futex": 98, "restart_syscall": 128, "clock_gettime": 113, "exit_group": 94,
            "getrandom": 278,
        },
    ),
}  # fmt: skip


def program() -> bytes:
    """Return the filter for this machine. Raises OSError(ENOSYS) if its architecture is unknown."""
    try:
        arch, executable, allowed = _ARCHITECTURES[platform.machine()]
    except KeyError:
        raise OSError(errno.ENOSYS, f"no system call numbers for {platform.machine()}") from None
    code = [(_LOAD, 0, 0, _OFFSET_ARCH), (_JUMP_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL)]
    code.append((_LOAD, 0, 0, _OFFSET_NUMBER))
    for number in allowed.values():
        code += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in executable.values():
        code += [(_JUMP_EQUAL, 0, 4, number), (_LOAD, 0, 0, _OFFSET_THIRD), (_JUMP_SET, 0, 1, _PROT_EXEC)]
        code += [(_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    code.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)
