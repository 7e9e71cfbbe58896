"""Queues that the items of a release need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.graph import build
from orvanta_platform.workflow.normal import normalise
from orvanta_platform.workflow.releases.bundle import BundleItem
from orvanta_platform.workflow.tree.item import Key


def queues_of(items: Iterable[BundleItem]) -> dict[str, Key]:
    """Return the queues that the scripts of a release run in, each with the first item that needs it.

    A tag that is computed when the job starts is left out.
    """
    found: dict[str, Key] = {}
    for item in items:
        for queue in _queues(item):
            if queue and "$" not in queue:
                found.setdefault(queue, item.key)
    return found


def _queues(item: BundleItem) -> Iterator[str]:
    if item.kind == "script":
        yield _text(item.content.get("settings", {}).get("tag")) or item.content["language"]
    elif item.kind == "flow":
        try:
            tree = document.parse(item.content["text"].encode(), "yaml").tree
        except InvalidWorkflow:  # its deployment reports the error
            return
        default = _text(tree.get("tag"))
        for node in build(normalise(tree)["value"]).nodes():
            if node.kind == "rawscript":
                yield _text(node.value.get("tag")) or default or _text(node.value.get("language"))
            elif node.kind == "script":
                yield _text(node.value.get("tag_override"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
