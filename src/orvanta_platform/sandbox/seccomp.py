"""System calls denied to user code, as a seccomp filter. Standard library only.

A deny-list: calls needed by programs for databases, web pages or tables stay allowed. Calls that reach other processes,
create namespaces or mounts, or use rarely tested parts of the kernel fail with EPERM.
"""

from __future__ import annotations

import errno
import functools
import platform
import struct

from orvanta_platform.sandbox import syscalls

_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCH = 0, 4
_FIRST, _SECOND, _THIRD = 16, 24, 32
"""Offsets of the low halves of a call's arguments."""
_X32_BIT = 0x40000000
_AF_VSOCK, _AF_SMC = 40, 43
_IPPROTO_SMC, _IPPROTO_MPTCP = 256, 262
_SOL_SOCKET, _SO_REUSEPORT = 1, 15
_IPPROTO_IP, _IP_LOCAL_PORT_RANGE = 0, 51
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_NAMESPACES = (
    syscalls.CLONE_NEWNS
    | syscalls.CLONE_NEWCGROUP
    | syscalls.CLONE_NEWUTS
    | syscalls.CLONE_NEWIPC
    | syscalls.CLONE_NEWUSER
    | syscalls.CLONE_NEWPID
    | syscalls.CLONE_NEWNET
)

# Numbers by architecture: AUDIT_ARCH, the calls denied by their arguments, those always denied.
_ARCHITECTURES: dict[str, tuple[int, dict[str, int], dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {"clone": 56, "ioctl": 16, "socket": 41, "setsockopt": 54},
        {
            "ptrace": 101, "syslog": 103, "pivot_root": 155, "_sysctl": 156, "adjtimex": 159, "chroot": 161,
            "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
            "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
            "create_module": 174, "init_module": 175, "delete_module": 176, "get_kernel_syms": 177,
            "query_module": 178, "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212,
            "clock_settime": 227, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250,
            "migrate_pages": 256, "unshare": 272, "move_pages": 279, "perf_event_open": 298,
            "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305,
            "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
            "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {"clone": 220, "ioctl": 29, "socket": 198, "setsockopt": 208},
        {
            "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "nfsservctl": 42, "chroot": 51,
            "quotactl": 60, "acct": 89, "unshare": 97, "kexec_load": 104, "init_module": 105,
            "delete_module": 106, "clock_settime": 112, "syslog": 116, "ptrace": 117, "reboot": 142,
            "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "adjtimex": 171, "add_key": 217,
            "request_key": 218, "keyctl": 219, "swapon": 224, "swapoff": 225, "migrate_pages": 238,
            "move_pages": 239, "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
            "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268, "process_vm_readv": 270,
            "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "bpf": 280, "userfaultfd": 282,
            "kexec_file_load": 294,
        },
    ),
}  # fmt: skip
# The same number everywhere.
_DENIED = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "process_mrelease": 448,
}  # fmt: skip
_CLONE3 = 435
_LINEAR_SEARCH = 3

_Instruction = tuple[int, int, int, int]
_Test = tuple[list[tuple[int, int, int]], int]
"""Conditions (offset of an argument, jump, value) that must all hold, and the resulting error."""

# SO_REUSEPORT would let a job take connections of a server of the same user; MPTCP and SMC listen on TCP ports that
# Landlock's rules do not see; IP_LOCAL_PORT_RANGE makes port 0, which those rules allow, a port of the caller's choice.
# Programs know all these errors from kernels that lack the feature.
_BY_ARGUMENTS: dict[str, list[_Test]] = {
    "clone": [([(_FIRST, _JUMP_SET, _NAMESPACES)], errno.EPERM)],
    "ioctl": [([(_SECOND, _JUMP_EQUAL, request)], errno.EPERM) for request in (_TIOCSTI, _TIOCLINUX)],
    "socket": [
        ([(_FIRST, _JUMP_EQUAL, _AF_VSOCK)], errno.EPERM),
        ([(_FIRST, _JUMP_EQUAL, _AF_SMC)], errno.EAFNOSUPPORT),
        *(([(_THIRD, _JUMP_EQUAL, protocol)], errno.EPROTONOSUPPORT) for protocol in (_IPPROTO_SMC, _IPPROTO_MPTCP)),
    ],
    "setsockopt": [
        ([(_SECOND, _JUMP_EQUAL, _SOL_SOCKET), (_THIRD, _JUMP_EQUAL, _SO_REUSEPORT)], errno.ENOPROTOOPT),
        ([(_SECOND, _JUMP_EQUAL, _IPPROTO_IP), (_THIRD, _JUMP_EQUAL, _IP_LOCAL_PORT_RANGE)], errno.ENOPROTOOPT),
    ],
}


@functools.cache
def program() -> bytes:
    """Return the filter for the architecture of this machine. Raises OSError(ENOSYS) if the architecture is unknown."""
    try:
        arch, by_arguments, denied = _ARCHITECTURES[platform.machine()]
    except KeyError:
        raise OSError(errno.ENOSYS, f"no system call numbers for {platform.machine()}") from None
    code: list[_Instruction] = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if platform.machine() == "x86_64":
        code += [(_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL)]
    rules = {number: [_fail(errno.EPERM)] for number in (*denied.values(), *_DENIED.values())}
    # Its flags are in memory, which a filter cannot read; libc falls back to clone.
    rules[_CLONE3] = [_fail(errno.ENOSYS)]
    for name, number in by_arguments.items():
        rules[number] = _unless(_BY_ARGUMENTS[name])
    code += _search(sorted(rules.items()))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _search(rules: list[tuple[int, list[_Instruction]]]) -> list[_Instruction]:
    """Return code that applies the rule of the loaded number; all other numbers are allowed.

    It is a binary search, because the kernel runs the filter for every possible number whenever a process installs it.
    """
    if len(rules) <= _LINEAR_SEARCH:
        code: list[_Instruction] = []
        for number, body in rules:
            code += [(_JUMP_EQUAL, 0, len(body), number), *body]
        return [*code, (_RETURN, 0, 0, _ALLOW)]
    middle = len(rules) // 2
    low, high = _search(rules[:middle]), _search(rules[middle:])
    return [(_JUMP_AT_LEAST, len(low), 0, rules[middle][0]), *low, *high]


def _fail(code: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERRNO | code)


def _unless(tests: list[_Test]) -> list[_Instruction]:
    """Return code that fails with the error of the first test that matches the low halves of the arguments, and allows
    the call otherwise.
    """
    body: list[_Instruction] = []
    for conditions, code in tests:
        check = [_fail(code)]
        for offset, jump, value in reversed(conditions):
            check = [(_LOAD, 0, 0, offset), (jump, 0, len(check), value), *check]
        body += check
    return [*body, (_RETURN, 0, 0, _ALLOW)]
