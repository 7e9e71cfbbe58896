"""Networks of jobs: their users have no route to link-local and metadata addresses. Standard library only.

There is one rule per range of addresses: `uidrange <jobs> to <range> unreachable`. The traffic of the host itself is
not affected. Requires CAP_NET_ADMIN. The rules stay when the worker ends, because they affect no other user.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct

from orvanta_platform.sandbox.networks import METADATA, Network

FIRST_UID = 2_000_000
LAST_UID = 2_065_535

_RTM_NEWRULE = 32
_REQUEST, _ACK, _EXCLUSIVE, _CREATE = 0x01, 0x04, 0x200, 0x400
_ACTION_UNREACHABLE = 7
_DESTINATION, _PRIORITY, _UID_RANGE = 1, 6, 20
_BEFORE_ALL_TABLES = 1
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def refuse_link_local() -> None:
    """Make the addresses unreachable for job users. Raises OSError if the kernel refuses, for example without root."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.bind((0, 0))
        for network in METADATA:
            _add_rule(netlink, network)


def enable_loopback() -> None:
    """Enable the loopback interface of a new network namespace. Raises OSError without CAP_NET_ADMIN in it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _add_rule(netlink: socket.socket, network: Network) -> None:
    family = socket.AF_INET if network.version == 4 else socket.AF_INET6
    body = struct.pack("BBBBBxxBI", family, network.prefixlen, 0, 0, 0, _ACTION_UNREACHABLE, 0)
    body += _attribute(_DESTINATION, network.network_address.packed)
    body += _attribute(_PRIORITY, struct.pack("I", _BEFORE_ALL_TABLES))
    body += _attribute(_UID_RANGE, struct.pack("II", FIRST_UID, LAST_UID))
    flags = _REQUEST | _ACK | _EXCLUSIVE | _CREATE
    netlink.send(struct.pack("IHHII", 16 + len(body), _RTM_NEWRULE, flags, 1, 0) + body)
    (code,) = struct.unpack_from("i", netlink.recv(4096), 16)
    if code and -code != errno.EEXIST:
        raise OSError(-code, os.strerror(-code))


def _attribute(kind: int, data: bytes) -> bytes:
    padding = -len(data) % 4
    return struct.pack("HH", 4 + len(data), kind) + data + b"\0" * padding
