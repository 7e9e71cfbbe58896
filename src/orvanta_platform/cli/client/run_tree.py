"""A run as its stream tells it: the first graph whole, then what changed, as the tree of nodes that is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from orvanta_platform.cli.client.runs import Node, Run, Wait

_ORDER = ("running", "queued", "paused", "waiting", "succeeded", "failed", "cancelled")


class RunTree:
    """What is known of a run. `kinds` and `errors`: of nodes, where somebody has asked for them."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.kinds = {node.id: node.kind for node in run.nodes}
        self.errors: dict[str, Any] = {}
        self._told: dict[str, dict[str, Any]] = {}

    def take(self, data: bytes) -> bool:
        """The data of a `status` message. Gives whether it told only what changed."""
        told = msgspec.json.decode(data, type=dict[str, Any])
        part = "part" in told
        self._told = {**self._told, **told["nodes"]} if part else told["nodes"]
        nodes = [*self._nodes(None, 0)]
        waits = [
            msgspec.convert({**wait, "id": id}, Wait)
            for id, node in self._told.items()
            for wait in node.get("waits", [])[:1]
        ]
        self.run = Run(
            run_id=told["run_id"],
            status=told["status"],
            workflow=self.run.workflow,
            nodes=nodes,
            waits=waits,
            started_at=told.get("started_at"),
            duration_ms=told.get("duration_ms"),
            wait_reason=told.get("waits", {}).get("reason"),
        )
        return part

    def _nodes(self, holder: str | None, depth: int) -> Iterator[Node]:
        for id, node in self._told.items():
            if node.get("inside") == holder:
                yield Node(
                    id=id,
                    status=node["status"],
                    kind=self.kinds.get(id, ""),
                    job=node.get("job", ""),
                    attempt=node.get("attempt", 1),
                    started_at=node.get("started_at"),
                    duration_ms=node.get("duration_ms"),
                    error=self.errors.get(id) or ({"name": node["error"]} if "error" in node else None),
                    about=about(node),
                    depth=depth,
                )
                yield from self._nodes(id, depth + 1)


def about(node: Mapping[str, Any]) -> str:
    """What a node holds, or how often it ran inside another, in numbers."""
    counts = node.get("counts") or node.get("bodies") or {}
    told = ", ".join(f"{counts[status]} {status}" for status in _ORDER if counts.get(status))
    if "total" in counts:
        return f"{told} of {counts['total']}".strip()
    return f"{told}, branch {counts['branch']}".strip(", ") if "branch" in counts else told
