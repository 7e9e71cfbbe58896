"""Tree of the nodes of a run, built from its stream: the first graph is complete, later ones contain changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from orvanta_platform.cli.client.runs import Node, Run, Wait

_ORDER = ("running", "queued", "paused", "waiting", "succeeded", "failed", "cancelled")


class RunTree:
    """State of a run.

    `kinds` and `errors` are those of nodes, as far as they have been fetched.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.kinds = {node.id: node.kind for node in run.nodes}
        self.errors: dict[str, Any] = {}
        self._graph_nodes: dict[str, dict[str, Any]] = {}

    def take(self, data: bytes) -> bool:
        """Apply the data of a `status` message and return whether it contained only changes."""
        graph = msgspec.json.decode(data, type=dict[str, Any])
        part = "part" in graph
        self._graph_nodes = {**self._graph_nodes, **graph["nodes"]} if part else graph["nodes"]
        nodes = [*self._nodes(None, 0)]
        waits = [
            msgspec.convert({**wait, "id": id}, Wait)
            for id, node in self._graph_nodes.items()
            for wait in node.get("waits", [])[:1]
        ]
        self.run = Run(
            run_id=graph["run_id"],
            status=graph["status"],
            workflow=self.run.workflow,
            nodes=nodes,
            waits=waits,
            started_at=graph.get("started_at"),
            duration_ms=graph.get("duration_ms"),
            wait_reason=graph.get("waits", {}).get("reason"),
        )
        return part

    def _nodes(self, holder: str | None, depth: int) -> Iterator[Node]:
        for id, node in self._graph_nodes.items():
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
    """Return the counts of a node that contains others, or of a nested node, as text."""
    counts = node.get("counts") or node.get("bodies") or {}
    graph = ", ".join(f"{counts[status]} {status}" for status in _ORDER if counts.get(status))
    if "total" in counts:
        return f"{graph} of {counts['total']}".strip()
    return f"{graph}, branch {counts['branch']}".strip(", ") if "branch" in counts else graph
