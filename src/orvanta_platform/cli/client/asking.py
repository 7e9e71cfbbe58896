"""Questions on the terminal: asked on stderr, so that stdout holds nothing but what was asked for."""

from __future__ import annotations

import getpass
import sys


def ask(question: str) -> str:
    """A line that is typed and shown."""
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    return _answered(sys.stdin.readline())


def ask_secret(question: str) -> str:
    """A line that is typed and not shown."""
    return getpass.getpass(f"{question}: ", stream=sys.stderr)


def _answered(line: str) -> str:
    if not line:
        raise KeyboardInterrupt
    return line.strip()
