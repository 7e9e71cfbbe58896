"""Example workflows, deployed into the first workspace of a new instance."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from orvanta_platform.control import actor as actors
from orvanta_platform.errors import AlreadyExists
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow import document, inline

FOLDER = "f/examples"
_FOLDERS = (Path(__file__).parents[4] / "examples", Path(sys.prefix) / "share" / "orvanta" / "examples")
"""Folder of a checkout, then that of an installed distribution."""


def find_folder() -> Path:
    """Return the folder of the examples, which also contains the folder of the templates."""
    return next((each for each in _FOLDERS if each.is_dir()), _FOLDERS[0])


async def seed(platform: Platform, workspace: str) -> list[str]:
    """Deploy every example that the workspace does not have; returns their paths."""
    actor = actors.system(workspace, name="admin")
    deployed = []
    for folder in sorted(find_folder().glob("*.flow")):
        new = read(folder)
        try:
            await flows.create(platform, actor, workspace, new)
        except AlreadyExists:
            continue
        deployed.append(new.path)
    return deployed


def read(folder: Path) -> NewFlow:
    """Read the workflow of a folder `<name>.flow`: flow.yaml with its scripts inserted. Raises InvalidWorkflow."""
    files = read_files(folder)
    tree = inline.resolve(document.parse(files.pop("flow.yaml").encode(), "yaml").tree, files)
    value, schema = tree.pop("value"), tree.pop("schema", None)
    return NewFlow(
        path=f"{FOLDER}/{folder.stem}",
        value=msgspec.Raw(msgspec.json.encode(value)),
        schema=msgspec.Raw(msgspec.json.encode(schema)) if schema is not None else None,
        settings={name: msgspec.Raw(msgspec.json.encode(member)) for name, member in tree.items()},
    )


def read_files(folder: Path) -> dict[str, str]:
    """Return the texts of the files of a folder by name."""
    # pip compiles the scripts of an installed wheel, which creates a folder beside them.
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.is_file()}
