"""Files of a tree that are neither workflows nor scripts: folders, types, variables, resources, schedules, triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orvanta_platform.cli.client.places import items_under, path_of
from orvanta_platform.errors import BadRequest, InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.tree.paths import FLOW_FOLDERS

KINDS = ("folder", "resource-type", "variable", "resource", "schedule", "http_trigger")
"""Kinds in the order in which they are pushed, and in the names of their files: `<path>.<kind>.yaml`."""
_FOLDER_FILES = ("folder.meta.yaml", "folder.meta.yml", "folder.meta.json")
_FORMATS = (".yaml", ".yml", ".json")
_OTHER = (
    *("websocket_trigger", "kafka_trigger", "nats_trigger", "postgres_trigger", "mqtt_trigger", "sqs_trigger"),
    *("gcp_trigger", "email_trigger"),
)
"""Kinds of triggers that the platform does not have."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """File of an item."""

    file: Path
    kind: str
    name: str
    """Path of the item; name of a folder or a resource type."""

    def read(self) -> dict[str, Any]:
        """Return the settings in the file. Raises BadRequest."""
        try:
            return document.parse(self.file.read_bytes(), "json" if self.file.suffix == ".json" else "yaml").tree
        except OSError as error:
            raise BadRequest(f"{self.file} cannot be read: {error.strerror}.") from None
        except InvalidWorkflow as error:
            raise BadRequest(f"{self.file} cannot be read: {error.message}.", hint=error.hint) from None


def find(root: Path) -> list[TreeFile]:
    """Return the items under a folder that have a path, in the order of KINDS, then by name.

    Hidden folders and apps are excluded.
    """
    found = [made for place in items_under(root, FLOW_FOLDERS) if place.is_file() and (made := _tree_file(place))]
    return sorted(found, key=lambda each: (KINDS.index(each.kind), each.name))


def count_unsupported(root: Path) -> int:
    """Return the number of triggers under a folder that the platform does not have."""
    return sum(_kind_of(place, _OTHER) is not None for place in items_under(root, FLOW_FOLDERS))


def is_same(settings: Mapping[str, Any], present: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Return whether the settings of a file equal those of an item; null, empty and absent ones are the same."""
    return all((settings.get(name) or None) == (present.get(name) or None) for name in names if name in settings)


def _tree_file(place: Path) -> TreeFile | None:
    if place.name in _FOLDER_FILES:
        below = path_of(place, ())
        return None if below is None else TreeFile(place, "folder", below.split("/")[1])
    kind = _kind_of(place, KINDS)
    if kind is None:
        return None
    suffix = f".{kind}{place.suffix}"
    if kind == "resource-type":
        return TreeFile(place, kind, place.name.removesuffix(suffix))
    path = path_of(place, [suffix])
    return None if path is None else TreeFile(place, kind, path)


def _kind_of(place: Path, kinds: Sequence[str]) -> str | None:
    named = (kind for kind in kinds for format in _FORMATS if place.name.endswith(f".{kind}{format}"))
    return next(named, None)
