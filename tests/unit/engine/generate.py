"""Random workflows and the behaviour of their jobs. The same seed yields the same scenario on every machine.

The expressions are of the small language, so that the documents also run on a database; `EXPRESSIONS` maps each to its
value for a flow input that is an object without the key `missing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

THROWN: Final = object()
"""Value of an expression that throws."""

EXPRESSIONS: Final[Mapping[str, Any]] = {
    "true": True,
    "false": False,
    "30": 30,
    "flow_input.missing.x": THROWN,
}

JOB_KINDS: Final = ("rawscript", "script", "identity")
RETRIED_KINDS: Final = ("rawscript", "script")
JOINS: Final = ("all", "settled", "any")
JOB_OUTCOMES: Final = ("success", "failure", "always")
CONDITION_OUTCOMES: Final = ("success", "failure", "always", "true", "false")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Value tree, and for each node with a job the success of its attempts in order; the last value repeats."""

    seed: int
    value: dict[str, Any]
    attempts: Mapping[str, tuple[bool, ...]]

    def succeeds(self, node_id: str, attempt: int) -> bool:
        """Return true if the attempt with this number, starting at 1, succeeds."""
        ends = self.attempts[node_id]
        return ends[min(attempt, len(ends)) - 1]


def scenario(seed: int, *, script_path: str = "f/test/step", max_nodes: int = 14) -> Scenario:
    """Return the scenario of a seed: 1 to `max_nodes` nodes as a plain list (1 in 6) or a graph."""
    rng = Random(seed)
    modules: list[dict[str, Any]] = []
    plain = rng.random() < 1 / 6
    for place in range(rng.randint(1, max_nodes)):
        module = _module(rng, f"n{place}", script_path, plain)
        if not plain:
            module |= _edges(rng, modules)
        modules.append(module)
    value: dict[str, Any] = {"modules": modules}
    if rng.random() < 0.4:
        value["failure_module"] = _module(rng, "failure", script_path, plain)
    if rng.random() < 0.15:
        value["output"] = _transform(rng, ["true", "flow_input.missing.x"])
    every = [*modules, *([value["failure_module"]] if "failure_module" in value else [])]
    behaviour = {module["id"]: _attempts(rng, module) for module in every if module["value"]["type"] != "condition"}
    return Scenario(seed, value, behaviour)


def traits(value: Mapping[str, Any]) -> set[str]:
    """Return the features of a document: kinds of nodes, joins, outcomes of edges, retries and other settings."""
    found = {"failure module"} if "failure_module" in value else set()
    found |= {"output"} if "output" in value else set()
    modules = value["modules"]
    graph = any("needs" in module for module in modules)
    found.add("graph" if graph else "list")
    for module in modules:
        found.add(f"kind {module['value']['type']}")
        needs = module.get("needs", [])
        found |= {f"edge on {edge['on'] if isinstance(edge, dict) else 'success'}" for edge in needs}
        if len(needs) > 1:
            found.add(f"join {module.get('join', 'all')}")
        found |= {key for key in ("retry", "timeout", "export", "continue_on_error") if key in module}
        found |= {f"retry {key}" for key in module.get("retry", {})}
    return found


def _module(rng: Random, node_id: str, script_path: str, plain: bool) -> dict[str, Any]:
    is_condition = rng.random() < (0.1 if plain else 0.25)
    module: dict[str, Any] = {"id": node_id, "value": _value(rng, is_condition, script_path)}
    if module["value"]["type"] in RETRIED_KINDS and rng.random() < 0.5:
        module["retry"] = _retry(rng)
    if not is_condition and rng.random() < 0.15:
        module["timeout"] = _transform(rng, ["30"] * 9 + ["flow_input.missing.x"])
    if rng.random() < 0.15:
        module["export"] = {
            f"x{place}": _transform(rng, ["true", "30"] * 5 + ["flow_input.missing.x"])
            for place in range(rng.randint(1, 2))
        }
    if rng.random() < 0.1:
        module["continue_on_error"] = True
    return module


def _attempts(rng: Random, module: dict[str, Any]) -> tuple[bool, ...]:
    if module["value"]["type"] == "identity":
        return (True,)
    if "retry" in module and rng.random() < 0.5:
        return (*([False] * rng.randint(1, 3)), True)
    return (rng.random() < 0.85,)


def _value(rng: Random, is_condition: bool, script_path: str) -> dict[str, Any]:
    if is_condition:
        return {
            "type": "condition",
            "expr": rng.choice(["true", "true", "true", "false", "false", "flow_input.missing.x"]),
        }
    match rng.choice(JOB_KINDS):
        case "rawscript":
            content = "def main():\n    return 1\n"
            return {"type": "rawscript", "language": "python3", "content": content, "input_transforms": {}}
        case "script":
            return {"type": "script", "path": script_path, "input_transforms": {}}
        case _:
            return {"type": "identity"}


def _retry(rng: Random) -> dict[str, Any]:
    retry: dict[str, Any] = {}
    if rng.random() < 0.6:
        retry["constant"] = {"attempts": rng.randint(1, 2), "seconds": rng.randint(0, 5)}
    if not retry or rng.random() < 0.5:
        retry["exponential"] = {
            "attempts": rng.randint(1, 2),
            "multiplier": 2,
            "seconds": 3,
            "random_factor": 50,
        }
    if rng.random() < 0.3:
        retry["retry_if"] = {"expr": rng.choice(["true", "true", "false", "flow_input.missing.x"])}
    return retry


def _transform(rng: Random, exprs: list[str]) -> dict[str, Any]:
    return {"type": "javascript", "expr": rng.choice(exprs)}


def _edges(rng: Random, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    if not earlier or rng.random() < 0.1:
        return {"needs": []}
    if rng.random() < 0.1:
        return {}
    sources = rng.sample(earlier, min(len(earlier), rng.choice([1, 1, 2, 2, 3])))
    edges: dict[str, Any] = {"needs": [_edge(rng, source) for source in sources]}
    if rng.random() < 0.08:
        edges["needs"].append(_edge(rng, sources[0]))
    join = rng.choice(JOINS)
    return edges if join == "all" and rng.random() < 0.5 else {**edges, "join": join}


def _edge(rng: Random, source: dict[str, Any]) -> Any:
    if rng.random() < 0.45:
        return source["id"]
    outcomes = CONDITION_OUTCOMES if source["value"]["type"] == "condition" else JOB_OUTCOMES
    return {"node": source["id"], "on": rng.choice(outcomes)}
