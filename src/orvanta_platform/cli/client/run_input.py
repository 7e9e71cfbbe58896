"""Input of a run, from a file and from `-i` options."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import typer

from orvanta_platform.errors import BadRequest

_PAIR = re.compile(r"([^=]+?)(:?=)(.*)", re.DOTALL)


def read(pairs: list[str], file: str | None) -> bytes:
    """Return the input as JSON text: the object in `file` (`-` is stdin), overridden by each pair.

    `key=text` sets a string, `key:=json` any JSON value. Numbers keep their digits. Raises BadRequest, and
    typer.BadParameter for an invalid pair.
    """
    members = _of_file(file) if file else {}
    for pair in pairs:
        name, value = _pair(pair)
        members[name] = msgspec.Raw(value)
    return msgspec.json.encode(members)


def merged(before: bytes, given: bytes) -> bytes:
    """Return the JSON object `before`, overridden by the members of another one."""
    members = msgspec.json.decode(before, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({**members, **msgspec.json.decode(given, type=dict[str, msgspec.Raw])})


def json_of(text: str | bytes, what: str) -> bytes:
    """Return validated JSON text. Raises BadRequest with `what` as the subject of the message."""
    try:
        msgspec.json.decode(text, type=Any)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{what} is not JSON: {error}.") from None
    return text.encode() if isinstance(text, str) else text


def text_of(file: str, what: str) -> bytes:
    """Return the content of a file, or of stdin for `-`. Raises BadRequest."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise BadRequest(f"{what} {file} cannot be read: {error.strerror}.") from None


def _of_file(file: str) -> dict[str, msgspec.Raw]:
    text = text_of(file, "The input file").removeprefix(b"\xef\xbb\xbf")
    if not text.strip():
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shown = "standard input" if file == "-" else file
        raise BadRequest(f"The input in {shown} is not a JSON object: {error}.") from None


def _pair(pair: str) -> tuple[str, bytes]:
    found = _PAIR.fullmatch(pair)
    if found is None:
        raise typer.BadParameter(f"{pair[:100]!r} is neither key=text nor key:=json.", param_hint="-i")
    name, sign, value = found.groups()
    if sign == "=":
        return name, msgspec.json.encode(value)
    return name, json_of(value, f"The value of -i {name}")
