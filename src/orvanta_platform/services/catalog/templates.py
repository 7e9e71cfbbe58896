"""Workflow templates that are part of the platform: those for this purpose, and the examples."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.errors import NotFound
from orvanta_platform.services.catalog import examples
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow import document, inline
from orvanta_platform.workflow.graph import build
from orvanta_platform.workflow.normal import normalise

_FOLDER = "templates"


class Template(msgspec.Struct, frozen=True):
    """A workflow template."""

    name: str
    summary: str
    description: str
    nodes: int
    kinds: tuple[str, ...]
    """Kinds of its nodes, sorted and without duplicates."""
    languages: tuple[str, ...]
    """Languages of its scripts, sorted and without duplicates."""
    text: str
    """YAML with its scripts inserted."""
    input: bytes
    """JSON text of an example input."""


async def list_all(platform: Platform, actor: Actor, workspace: str) -> list[Template]:
    """Return all templates by name. Raises NotFound, Forbidden."""
    require(actor, "check_flow", Target(workspace, "preview"))
    return list((await asyncio.to_thread(_templates)).values())


async def get(platform: Platform, actor: Actor, workspace: str, name: str) -> Template:
    """Return a template. Raises NotFound, Forbidden."""
    require(actor, "check_flow", Target(workspace, "preview"))
    found = (await asyncio.to_thread(_templates)).get(name)
    if found is None:
        raise NotFound(f"The template {name[:100]} does not exist.")
    return found


@cache
def _templates() -> dict[str, Template]:
    root = examples.find_folder()
    folders = sorted([*root.glob("*.flow"), *(root / _FOLDER).glob("*.flow")], key=lambda folder: folder.stem)
    return {folder.stem: _read(folder) for folder in folders}


def _read(folder: Path) -> Template:
    files = examples.read_files(folder)
    text = inline.resolve_yaml(files.pop("flow.yaml"), files)
    tree = document.parse(text.encode(), "yaml").tree
    nodes = list(build(normalise(tree)["value"]).nodes())
    return Template(
        name=folder.stem,
        summary=_text(tree, "summary"),
        description=_text(tree, "description"),
        nodes=len(nodes),
        kinds=tuple(sorted({node.kind for node in nodes})),
        languages=tuple(sorted({str(node.value["language"]) for node in nodes if "language" in node.value})),
        text=text,
        input=folder.with_name(f"{folder.stem}.input.json").read_bytes(),
    )


def _text(tree: dict[str, Any], key: str) -> str:
    return str(tree.get(key, ""))
