"""Prompts on the terminal, written to stderr so that stdout holds only the output."""

from __future__ import annotations

import getpass
import sys


def prompt(question: str) -> str:
    """Prompt for a line with visible input."""
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    return _answered(sys.stdin.readline())


def prompt_secret(question: str) -> str:
    """Prompt for a line with hidden input."""
    return getpass.getpass(f"{question}: ", stream=sys.stderr)


def _answered(line: str) -> str:
    if not line:
        raise KeyboardInterrupt
    return line.strip()
