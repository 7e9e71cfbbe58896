"""Settings of a tree that other clients store in it, in the file `wmill.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document

_FILE: Final = "wmill.yaml"
_KEY: Final = "defaultTs"


def default_typescript(folder: Path) -> Literal["bun", "deno"]:
    """Return the language of scripts in files `.ts` below a folder: `defaultTs` of the nearest `wmill.yaml`, or bun."""
    whole = folder.absolute()
    for each in (whole, *whole.parents):
        try:
            source = (each / _FILE).read_bytes()
        except OSError:
            continue
        try:
            return "deno" if document.parse(source, "yaml", limit_aliases=True).tree.get(_KEY) == "deno" else "bun"
        except InvalidWorkflow:
            return "bun"
    return "bun"
