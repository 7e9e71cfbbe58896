"""Output of an error that ends a command."""

from __future__ import annotations

import os
import sys

from orvanta_platform.cli.client.errors import exit_code
from orvanta_platform.errors import OrvantaError


def fail(error: OrvantaError) -> int:
    """Print an error, which may be a server's, to stderr and return the exit code."""
    from orvanta_platform.cli.client.output import say, terminal_safe

    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    say(f"{red}Error: {terminal_safe(error.message)}{plain}")
    if error.hint:
        say(terminal_safe(error.hint))
    return exit_code(error)
