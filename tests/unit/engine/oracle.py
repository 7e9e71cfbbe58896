"""Expected outcome of a scenario, computed slowly from its document alone, without the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.unit.engine.generate import EXPRESSIONS, THROWN, Scenario

OUTCOMES: dict[str, set[str]] = {
    "success": {"success", "always"},
    "true": {"success", "always", "true"},
    "false": {"success", "always", "false"},
    "continued": {"success", "always"},
    "failure": {"failure", "always"},
    "skipped": set(),
}
GOOD = ("success", "true", "false", "continued")


@dataclass(frozen=True, slots=True)
class Expected:
    """Outcome of each node if nothing interrupts the run, and its number of attempts."""

    ends: dict[str, str]
    attempts: dict[str, int]
    unhandled: set[str]


def needs(value: dict[str, Any], node_id: str) -> list[tuple[str, str]]:
    """Return (source, outcome) of each edge into a node."""
    modules = value["modules"]
    place = next(i for i, module in enumerate(modules) if module["id"] == node_id)
    if "needs" not in modules[place]:
        return [(modules[place - 1]["id"], "success")] if place else []
    return [
        (edge, "success") if isinstance(edge, str) else (edge["node"], edge["on"]) for edge in modules[place]["needs"]
    ]


def predict(scenario: Scenario) -> Expected:
    """Apply the rules of edges to the whole document repeatedly until nothing changes."""
    ends: dict[str, str] = {}
    attempts: dict[str, int] = {}
    known = -1
    while known < len(ends):
        known = len(ends)
        for module in scenario.value["modules"]:
            if module["id"] in ends:
                continue
            verdict = _verdict(scenario.value, module, ends)
            if verdict is False:
                ends[module["id"]] = "skipped"
            elif verdict:
                ends[module["id"]], attempts[module["id"]] = end_of(scenario, module)
    unhandled = {node for node, end in ends.items() if end == "failure" and not handled(scenario.value, node)}
    return Expected(ends, attempts, unhandled)


def handled(value: dict[str, Any], node_id: str) -> bool:
    """Return true if an edge is taken on this node's failure."""
    edges = [edge for module in value["modules"] for edge in needs(value, module["id"])]
    return (node_id, "failure") in edges or (node_id, "always") in edges


def _verdict(value: dict[str, Any], module: dict[str, Any], ends: dict[str, str]) -> bool | None:
    """Return True if the node runs, False if it is skipped, and None if that is not known yet."""
    edges = needs(value, module["id"])
    if not edges:
        return True
    taken = [outcome in OUTCOMES[ends[source]] if source in ends else None for source, outcome in edges]
    match module.get("join", "all"):
        case "all":
            return False if False in taken else None if None in taken else True
        case "settled":
            return None if None in taken else True in taken
        case _:
            return True if True in taken else None if None in taken else False


def end_of(scenario: Scenario, module: dict[str, Any]) -> tuple[str, int]:
    """Return the outcome of a node that runs, and the number of attempts of its job."""
    good, attempts = _work(scenario, module)
    thrown = any(EXPRESSIONS[source["expr"]] is THROWN for source in module.get("export", {}).values())
    if good and not thrown:
        return good, attempts
    return ("continued" if module.get("continue_on_error") else "failure"), attempts


def _work(scenario: Scenario, module: dict[str, Any]) -> tuple[str, int]:
    value = module["value"]
    if value["type"] == "condition":
        value_of_expression = EXPRESSIONS[value["expr"]]
        return ("" if value_of_expression is THROWN else "true" if value_of_expression else "false"), 0
    if "timeout" in module and EXPRESSIONS[module["timeout"]["expr"]] is THROWN:
        return "", 0
    allowed = retries(module)
    for attempt in range(1, allowed + 2):
        if scenario.succeeds(module["id"], attempt):
            return "success", attempt
    return "", allowed + 1


def retries(module: dict[str, Any]) -> int:
    """Return the number of retries that a node may have, considering its retry_if."""
    retry = module.get("retry", {})
    if "retry_if" in retry and EXPRESSIONS[retry["retry_if"]["expr"]] is not True:
        return 0
    return sum(int(retry[part]["attempts"]) for part in ("constant", "exponential") if part in retry)


def result(value: dict[str, Any], ends: dict[str, str]) -> Any:
    """Return the ids whose results form that of the run: one id, a list of ids, or None. `output` takes precedence."""
    ids = [module["id"] for module in value["modules"]]
    if not any("needs" in module for module in value["modules"]):
        return next((node for node in reversed(ids) if ends[node] in GOOD), None)
    edges = [(source, on, node) for node in ids for source, on in needs(value, node)]
    proper = [edge for edge in edges if edge[1] != "failure"]
    main_path = {node for node in ids if not needs(value, node)}
    while more := {node for source, _, node in proper if source in main_path} - main_path:
        main_path |= more
    main = [node for node in ids if node in main_path and node not in {source for source, _, _ in proper}]
    rest = [node for node in ids if node not in {source for source, _, _ in edges} and node not in main]
    for sinks in (main, rest):
        good = [node for node in sinks if ends[node] in GOOD]
        if good:
            return good if len(sinks) > 1 else good[0]
    return None
