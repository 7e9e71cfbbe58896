"""Output of commands: one JSON document, or text for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from orvanta_platform.units import count_text

_CONTROL = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_SIGNS = {"add": "A", "change": "M", "remove": "D", "unchanged": " ", "conflict": "!"}
_PLAIN_END = "\x1b[0m"


def print_json(document: Any) -> None:
    """Print one JSON document, in UTF-8 regardless of the locale."""
    print_json_text(json.dumps(document, ensure_ascii=False).encode())


def print_json_text(text: bytes) -> None:
    """Print JSON text, indented only on a terminal. Numbers keep all digits."""
    shown = msgspec.json.format(text, indent=2) if sys.stdout.isatty() else text.strip()
    print_bytes(shown + b"\n")


def print_bytes(text: bytes) -> None:
    """Print UTF-8 bytes unchanged."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Print a line for people to stderr, separate from the output for programs."""
    print(text, file=sys.stderr, flush=True)


def say_error(message: str, hint: str | None) -> None:
    """Print an error for people to stderr, with its hint in the next line. Neither can control the terminal."""
    say(terminal_safe(message))
    if hint:
        say(terminal_safe(f"    {hint}"))


def print_change(entry: Mapping[str, Any], note: str = "") -> None:
    """Print an entry of a plan: a sign for its action, kind and path."""
    print(terminal_safe(f"{_SIGNS[entry['action']]} {entry['kind']} {entry['path']}{note}"))


def print_checks(check: dict[str, Any] | None) -> None:
    """Print the checks after a deployment, each with its outcome, and the rollback that followed."""
    if check is None:
        return
    print(f"checks: {check['state']}")
    for each in check["results"]:
        name = "smoke run" if each["kind"] == "smoke_run" else count_text(each["tests"], "test")
        what = f"{name} {each['path']}" if each["path"] else "workflow tests"
        print(terminal_safe(f"    {what}: {each['message'] or 'passed'}"))
    if check["run"] is not None:
        print(f"    run: {check['run']}")
    if check["rollback"] is not None:
        detail = f" ({check['rollback_detail']})" if check["rollback_detail"] else ""
        print(terminal_safe(f"rollback: {check['rollback']}{detail}"))


def print_bypass(found: Mapping[str, Any]) -> None:
    """Print the rules that a deployment bypassed, and the reason."""
    if found["bypass_reason"]:
        rules = ", ".join(found["bypassed"]) or "none"
        print(terminal_safe(f"rules bypassed: {rules} ({found['bypass_reason']})"))


def print_drift(items: Sequence[Mapping[str, Any]]) -> None:
    """Print the items that were changed outside of releases, with who changed each one last."""
    for each in items:
        by, at = each["changed_by"], each["changed_at"]
        changed = f", last changed by {by} at {local_time(at)}" if by and at else ""
        print(terminal_safe(f"drift: {each['kind']} {each['path']}{changed}"))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns. The head is printed only on a terminal."""
    shown = [[terminal_safe(cell) for cell in row] for row in rows]
    lines = [list(head), *shown] if sys.stdout.isatty() else shown
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def width(text: str) -> int:
    """Return the number of terminal columns of a text."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def terminal_safe(line: str) -> str:
    """Return a line of a job's output that cannot control the terminal: colours stay, every other control character
    becomes �.

    Text overwritten by a carriage return, such as an earlier state of a progress bar, is removed.
    """
    shown = _CONTROL.sub("�", line.rstrip("\r").rpartition("\r")[2])
    return shown + _PLAIN_END if "\x1b" in shown else shown


def print_origin(origin: Mapping[str, Any] | None) -> None:
    """Print from which instance and with which key a release was imported, if it was."""
    if origin is not None:
        print(terminal_safe("origin: {name} {workspace}/{number}, key {public_key}".format(**origin)))


def local_time(text: str | None) -> str:
    """Return a time of the API (RFC 3339) in the local time zone."""
    return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""


def duration(ms: float | None) -> str:
    """Return milliseconds as text: 12 ms, 3.4 s, 2 min 05 s, 3 h 02 min."""
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
