"""Landlock rules: files that a process may open, ports it may listen on, processes it may reach. Standard
library only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import struct

from orvanta_platform.sandbox import etc, syscalls
from orvanta_platform.sandbox.filesystem import DEVICES, SYSTEM

_QUERY_VERSION = 1
_RULE_PATH_BENEATH, _RULE_PORT = 1, 2
_BIND, _CONNECT = 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FILE_ACCESS_V1 = (1 << 13) - 1
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_GROUPS = "/sys/fs/cgroup"
_LIMITS = {
    "": ("cpu.max", "memory.max"),
    "cpu": ("cpu.cfs_quota_us", "cpu.cfs_period_us"),
    "memory": ("memory.limit_in_bytes",),
}
"""Files of a control group by its kind; "" is version 2."""
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2


@functools.cache
def version() -> int:
    """Return Landlock's version on this kernel, 0 if it is not available."""
    try:
        return syscalls.syscall("landlock_create_ruleset", None, 0, _QUERY_VERSION)
    except OSError:
        return 0


def restrict_sockets(ports: list[int] | None) -> None:
    """Deny abstract sockets and signals of processes outside of this one's domain (Linux 6.12), and TCP ports by
    number.

    `ports` may be listened on by number (Linux 6.7), None: all. A port that the kernel picks (number 0) is always
    allowed. Rules name single ports: "any except the platform's" would take 28,000 rules and 12 ms per job.
    """
    net = _net(ports)
    if net or version() >= 6:
        _restrict(_allow_ports(_ruleset(0, net), ports))


def rehearse(ports: list[int] | None) -> None:
    """Make the rules of `restrict_sockets` without applying them."""
    net = _net(ports)
    if net or version() >= 6:
        os.close(_allow_ports(_ruleset(0, net), ports))


def restrict_files(
    writable: list[str], visible: list[str], hidden: list[str], readable: list[str], ports: list[int] | None
) -> None:
    """Allow reading only the files that cells of the higher levels see and those below `readable`, and writing
    only below `writable`.

    `readable` and `writable` can be in hidden folders. Sockets are restricted like in `restrict_sockets`. Raises
    OSError.
    """
    handled = _handled()
    ruleset = _allow_ports(_ruleset(handled, _net(ports)), ports)
    for path in [*(f"/{name}" for name in SYSTEM), *visible]:
        for part in without(os.path.realpath(path), hidden):
            _allow(ruleset, part, _READ)
    for part in settings(tuple(hidden)):
        _allow(ruleset, part, _READ)
    for name in DEVICES:
        _allow(ruleset, f"/dev/{name}", _READ_FILE | _WRITE_FILE)
    _allow(ruleset, "/proc/self", _READ)  # resolves to the id of this process: Bun and others read their maps
    for file in _limits():
        _allow(ruleset, file, _READ_FILE)
    for folder in readable:
        _allow(ruleset, folder, _READ)
    for folder in writable:
        _allow(ruleset, folder, handled)
    _restrict(ruleset)


@functools.cache
def settings(hidden: tuple[str, ...]) -> list[str]:
    """Return the readable paths below /etc; computed once in the zygote."""
    paths = [os.path.realpath(f"{etc.FOLDER}/{name}") for name in etc.names()]
    return [part for path in paths for part in without(path, [*hidden, *etc.CLOSED])]


def restrict_all() -> None:
    """Deny all files except open ones, and TCP (Linux 6.7). Raises OSError."""
    _restrict(_ruleset(_handled(), _BIND | _CONNECT if version() >= 4 else 0))


def _net(ports: list[int] | None) -> int:
    return _BIND if ports is not None and version() >= 4 else 0


def _handled() -> int:
    abi = version()
    handled = _FILE_ACCESS_V1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEVICE)):
        handled |= right if abi >= since else 0
    return handled


def _ruleset(handled: int, net: int) -> int:
    abi = version()
    scoped = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if abi >= 6 else 0
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    return syscalls.syscall("landlock_create_ruleset", struct.pack("QQQ", handled, net, scoped)[:size], size, 0)


def _allow_ports(ruleset: int, ports: list[int] | None) -> int:
    if _net(ports):
        for port in (0, *(ports or ())):
            syscalls.syscall("landlock_add_rule", ruleset, _RULE_PORT, struct.pack("=QQ", _BIND, port), 0)
    return ruleset


def without(path: str, hidden: list[str]) -> list[str]:
    """Return `path`, or the parts of it that contain no hidden path, because Landlock cannot deny access below an
    allowed path.
    """
    if any(path == h or path.startswith(f"{h}/") for h in hidden):
        return []
    if not any(h.startswith(f"{path}/") for h in hidden):
        return [path] if os.path.exists(path) else []
    return [part for entry in os.scandir(path) if not entry.is_symlink() for part in without(entry.path, hidden)]


def _limits() -> list[str]:
    """Return the files with the resource limits of this process, without which DuckDB does not start."""
    found = []
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as groups:
        for line in groups:
            _, kind, path = line.rstrip("\n").split(":", 2)
            for group in {"", path.rstrip("/")}:
                folder = f"{_GROUPS}/{kind}".rstrip("/") + group
                found += [f"{folder}/{name}" for name in _LIMITS.get(kind, ())]
    return found


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # a missing path needs no rule
        return
    try:
        access &= _handled() if os.path.isdir(path) else _handled() & _OF_FILES
        rule = struct.pack("=Qi", access, descriptor)
        syscalls.syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def _restrict(ruleset: int) -> None:
    try:
        syscalls.syscall("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
