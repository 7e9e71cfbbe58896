"""Part of /etc that jobs see. Standard library only.

An allow-list of files for name resolution, certificates, time zones, the dynamic linker and interpreters. Settings of
package managers, of mail, database and cloud clients and of the host itself may contain credentials and are excluded.
"""

from __future__ import annotations

import contextlib
import os
import stat

FOLDER = "/etc"
LIVE = ("hosts", "resolv.conf")
"""Files that change while the host runs."""

_NAMES = (
    # Users, names, network
    "passwd", "group", "nsswitch.conf", "host.conf", "gai.conf", "services", "protocols", "networks", "rpc",
    "ethertypes", "hostname", "krb5.conf", "krb5.conf.d",
    # Time, language, terminals
    "localtime", "timezone", "locale.alias", "locale.conf", "terminfo", "inputrc", "profile", "profile.d",
    "bash.bashrc", "shells",
    # The dynamic linker, and programs selected by links
    "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld-musl-*", "alternatives", "static",
    # Certificates
    "ssl", "pki", "ca-certificates", "ca-certificates.conf", "crypto-policies", "gnutls",
    # Identification of the operating system
    "os-release", "lsb-release", "debian_version", "alpine-release", "redhat-release", "issue", "mtab",
    # Interpreters and libraries
    "python*", "perl", "php*", "java*", "ruby*", "R", "dotnet", "mono", "ImageMagick*", "fonts", "magic", "magic.mime",
    "mime.types", "xml", "sgml", "chromium", "chromium.d", "OpenCL", "vulkan", "ghostscript", "papersize",
)  # fmt: skip
CLOSED = (f"{FOLDER}/ssl/private", f"{FOLDER}/pki/tls/private", f"{FOLDER}/pki/private")
_MAX_BYTES = 4 << 20


def names() -> list[str]:
    """Return the entries of /etc that jobs see."""
    exact, prefixes = set(_NAMES), tuple(name[:-1] for name in _NAMES if name.endswith("*"))
    return [name for name in os.listdir(FOLDER) if name in LIVE or name in exact or name.startswith(prefixes)]


def copy(target: str) -> None:
    """Copy the entries that every user may read into the empty folder `target`; live ones become empty files.

    They are copied because each bind mount would be one more mount of every cell.
    """
    for name in names():
        if name in LIVE:
            with open(f"{target}/{name}", "w"):
                pass
        else:
            _copy(f"{FOLDER}/{name}", f"{target}/{name}")


def _copy(source: str, target: str) -> None:
    state = os.lstat(source)
    if stat.S_ISLNK(state.st_mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISDIR(state.st_mode):
        if state.st_mode & 0o005 == 0o005 and source not in CLOSED:
            os.mkdir(target)
            for name in os.listdir(source):
                _copy(f"{source}/{name}", f"{target}/{name}")
    elif stat.S_ISREG(state.st_mode) and state.st_mode & 0o004 and state.st_size <= _MAX_BYTES:
        with contextlib.suppress(PermissionError), open(source, "rb") as read, open(target, "wb") as write:
            write.write(read.read())
            os.fchmod(write.fileno(), state.st_mode & 0o755)
