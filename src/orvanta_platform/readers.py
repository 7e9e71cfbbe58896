"""Parsers of settings. Each returns the value of a text, or raises ValueError that describes the expected text."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_SIZES = {"B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def folder(value: str) -> Path:
    """Return an absolute path; `~` is the home of the current user."""
    return Path(value).expanduser().absolute()


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from `low` to `high`, both included."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return read


def size(value: str) -> int:
    """Parse a number of bytes with the units B, KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024)."""
    compact = value.replace(" ", "").upper()
    number = compact.rstrip("BKMGI")
    unit = _SIZES.get(compact[len(number) :] or "B")
    if unit is None or not (number.isascii() and number.isdigit()) or int(number) * unit < 1:
        raise ValueError("a size such as 512MiB or 1GiB")
    return int(number) * unit


def choice(*allowed: str) -> Callable[[str], str]:
    """Return a parser of one of the words, case-insensitive."""

    def read(value: str) -> str:
        if value.lower() not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return value.lower()

    return read


def bearer(value: str) -> str:
    """Return a token of at least 16 printable ASCII characters without spaces."""
    if len(value) < 16 or not all("!" <= character <= "~" for character in value):
        raise ValueError("a token of at least 16 printable ASCII characters without spaces")
    return value


def names(value: str) -> tuple[str, ...]:
    """Return the comma-separated names, without empty ones."""
    return tuple(name for name in (part.strip() for part in value.split(",")) if name)


def programs(value: str) -> tuple[str, ...]:
    """Parse absolute paths separated by colons."""
    found = tuple(path for path in value.split(":") if path)
    if not all(path.startswith("/") for path in found):
        raise ValueError("absolute paths separated by colons")
    return found


_MAX_PORTS = 64


def ports(value: str) -> tuple[int, ...] | None:
    """Parse comma-separated TCP ports; None for `any`."""
    if value.lower() == "any":
        return None
    read = integer(1, 65535)
    try:
        found = tuple(read(name) for name in names(value))
    except ValueError:
        found = ()
    if not 0 < len(found) <= _MAX_PORTS:
        raise ValueError(f"any, or at most {_MAX_PORTS} ports such as 8765,9000")
    return found


def networks(value: str) -> tuple[str, ...]:
    """Parse comma-separated networks in CIDR notation."""
    try:
        return tuple(str(ipaddress.ip_network(name)) for name in names(value))
    except ValueError:
        raise ValueError("networks such as 10.1.0.0/16, comma-separated") from None


def origins(value: str) -> tuple[str, ...]:
    """Parse comma-separated origins as browsers write them: scheme, host and port, without a path."""
    for name in names(value):
        parts = urlsplit(name)
        if parts.scheme not in ("http", "https") or name != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
            raise ValueError("origins such as https://orvanta.example.org, comma-separated, without a path")
    return tuple(name.lower() for name in names(value))


def url(*schemes: str) -> Callable[[str], str]:
    """Return a parser of URLs with one of the schemes."""

    def read(value: str) -> str:
        if urlsplit(value).scheme not in schemes:
            raise ValueError("a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes))
        return value

    return read


def email(value: str) -> str:
    """Return an e-mail address after a minimal check: something@something without spaces. The mail server decides the
    rest.
    """
    name, at, host = value.partition("@")
    if not (name and at and host) or any(character.isspace() for character in value):
        raise ValueError("an e-mail address")
    return value


def word(value: str) -> str:
    """Return a name of letters, digits, - and _."""
    if not (value.isascii() and value.replace("-", "").replace("_", "").isalnum()):
        raise ValueError("a name of letters, digits, - and _")
    return value


def color(value: str) -> str:
    """Return a colour `#rrggbb` in lower case."""
    lower = value.lower()
    if len(lower) != 7 or lower[0] != "#" or set(lower[1:]) - set("0123456789abcdef"):
        raise ValueError("a colour such as #4f46e5")
    return lower


def pairs(value: str) -> tuple[str, ...]:
    """Parse comma-separated pairs `name=value`."""
    found = names(value)
    if not found or not all(name and text for name, _, text in (pair.partition("=") for pair in found)):
        raise ValueError("pairs such as sales=gpu, comma-separated")
    return found
