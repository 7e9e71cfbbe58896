"""Generator of the pages under docs/reference: settings, metrics, errors, commands, permissions.

`python -m orvanta_platform.cli.reference docs/reference` writes them; a test compares them.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import orvanta_platform
from orvanta_platform import measurements
from orvanta_platform.cli.error_names import DIAGNOSTICS, FAILURES, section
from orvanta_platform.cli.main import load
from orvanta_platform.control import instance_settings, process_settings
from orvanta_platform.errors import OrvantaError
from orvanta_platform.http import route_reference

_FAILURES_TEXT = (
    'The result of a failed run is `{"error": {name, message, stack?, step_id?}}`. An exception of a script or an\n'
    "expression has the name of its class, such as `ValueError` or `TypeError`. The platform uses these names; a run\n"
    "that could not start has one of the codes above."
)
_DIAGNOSTICS_TEXT = (
    "`invalid_workflow` lists in its details `{code, severity, node, path, message}`; `path` is a JSON pointer into\n"
    "the document. Errors prevent a deploy; warnings do not."
)


def pages() -> dict[str, str]:
    """Return the text of every generated page by file name."""
    return {
        "settings.md": settings_page(),
        "errors.md": errors_page(),
        "cli.md": cli_page(),
        "metrics.md": measurements.reference(),
        "permissions.md": route_reference.page(),
    }


def settings_page() -> str:
    """Return the page of the settings: those of the environment, and those of the instance."""
    return process_settings.reference() + "\n" + "\n".join(instance_settings.reference()) + "\n"


def error_types() -> list[type[OrvantaError]]:
    """Return every error class, sorted by code. Imports all modules to find them."""
    for module in pkgutil.walk_packages(orvanta_platform.__path__, "orvanta_platform."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted(_below(OrvantaError), key=lambda kind: kind.code)


def _below(kind: type[OrvantaError]) -> Iterator[type[OrvantaError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def errors_page() -> str:
    """Return the page of error codes."""
    lines = [
        "# Errors",
        "",
        "Every error has the format `{code, message, hint, details}`. The code is stable across versions; the",
        "status is the HTTP status of the API. The command line prints message and hint and exits with 1, or with 4",
        "if it cannot reach the server or the server requires a login.",
        "",
        "| code | status | meaning |",
        "|---|---|---|",
    ]
    seen: set[str] = set()
    for kind in error_types():
        if kind.code not in seen:
            seen.add(kind.code)
            meaning = " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split())
            lines.append(f"| `{kind.code}` | {kind.status} | {meaning} |")
    lines += section("Failed jobs, nodes and runs", _FAILURES_TEXT, FAILURES, "name")
    lines += section("Faults of workflows", _DIAGNOSTICS_TEXT, DIAGNOSTICS, "code")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Return the page of commands and their options."""
    root = typer.main.get_command(load())
    lines = ["# Command line", "", str(root.help), ""]
    for name, command in _commands("orvanta", root):
        lines += [f"## {name}", "", inspect.cleandoc(command.help or ""), ""]
        options = [row for row in map(_option, command.params) if row]
        if options:
            lines += ["| option | meaning |", "|---|---|", *options, ""]
        lines += _examples(command.epilog)
    return "\n".join(lines).rstrip() + "\n"


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    for name, child in sorted(getattr(command, "commands", {}).items()):
        if hasattr(child, "commands"):
            yield from _commands(f"{path} {name}", child)
        elif not child.hidden:
            yield f"{path} {name}", child


def _examples(epilog: str | None) -> list[str]:
    """Return the examples at the end of a help text as a code block."""
    lines = (epilog or "").splitlines()[2:]
    return [*(f"    {line.strip()}" for line in lines), ""] if lines else []


def _option(parameter: Any) -> str | None:
    if getattr(parameter, "hidden", False):
        return None
    names = [*parameter.opts, *parameter.secondary_opts]
    shown = ", ".join(names) if parameter.param_type_name == "option" else str(parameter.name).upper()
    meaning = (getattr(parameter, "help", None) or "").replace("<", "\\<").replace("|", "\\|")
    return f"| `{shown}` | {meaning} |"


def write(folder: Path) -> None:
    """Write every page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
