"""What commands print: one JSON document, or lines for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

_CONTROL = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_PLAIN_END = "\x1b[0m"


def print_json(document: Any) -> None:
    """Print one JSON document, in UTF-8 whatever the locale."""
    print_json_text(json.dumps(document, ensure_ascii=False).encode())


def print_json_text(text: bytes) -> None:
    """Print JSON text, laid out for a terminal alone; numbers keep all their digits."""
    shown = msgspec.json.format(text, indent=2) if sys.stdout.isatty() else text.strip()
    print_bytes(shown + b"\n")


def print_bytes(text: bytes) -> None:
    """Print UTF-8 as it is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """A line for people, on stderr, where it does not disturb what a program reads."""
    print(text, file=sys.stderr, flush=True)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns; the head only where a person reads it."""
    lines = [list(head), *map(list, rows)] if sys.stdout.isatty() else list(map(list, rows))
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def terminal_safe(line: str) -> str:
    """A line of a job's output that cannot steer the terminal: colours stay, every other control is shown as �.

    What a progress bar has overwritten is left out.
    """
    shown = _CONTROL.sub("�", line.rstrip("\r").rpartition("\r")[2])
    return shown + _PLAIN_END if "\x1b" in shown else shown


def local_time(text: str | None) -> str:
    """A time of the API (RFC 3339) as people here read it."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""


def duration(ms: float | None) -> str:
    """Milliseconds as people read them: 12 ms, 3.4 s, 2 min 05 s, 3 h 02 min."""
    if ms is None:
        return ""
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
