"""A large workflow of a realistic shape: lanes of blocks that compute, branch and join again."""

from __future__ import annotations

from typing import Any

LANES = 10
_BLOCK = 5
_CODE = """\
import math
from datetime import date


def main(total, rate):
    # MARK
    if not isinstance(total, int | float):
        raise ValueError(f"the total is no number on {date.today()}")
    return {"total": math.floor(total * rate * 100) / 100}
"""


def large(nodes: int, mark: str = "") -> dict[str, Any]:
    """Return a graph of this number of nodes, a multiple of 50, whose expressions and scripts all contain `mark`."""
    modules: list[dict[str, Any]] = []
    for lane in range(LANES):
        before: list[str] = []
        for place in range(nodes // LANES // _BLOCK):
            name = f"l{lane}_{place}"
            modules += _block(name, before, mark)
            before = [f"{name}_join"]
    return {"modules": modules}


def _block(name: str, before: list[str], mark: str) -> list[dict[str, Any]]:
    read = f"results.{before[0]}.total" if before else "flow_input.start"
    return [
        {**_python(f"{name}_work", mark, _javascript(read), _javascript(f"flow_input.rate{mark}")), "needs": before},
        {
            "id": f"{name}_large",
            "value": {"type": "condition", "expr": f"results.{name}_work.total{mark} > 100"},
            "needs": [f"{name}_work"],
        },
        {
            **_python(f"{name}_yes", mark, _javascript(f"results.{name}_work.total"), _static(2)),
            "needs": [{"node": f"{name}_large", "on": "true"}],
            "retry": {"constant": {"attempts": 2, "seconds": 5}},
        },
        {
            **_python(f"{name}_no", mark, _javascript(f"results.{name}_work.total"), _static(3)),
            "needs": [{"node": f"{name}_large", "on": "false"}],
            "continue_on_error": True,
        },
        {
            **_python(f"{name}_join", mark, _javascript(_either(name)), _static(1)),
            "needs": [f"{name}_yes", f"{name}_no"],
            "join": "settled",
            "export": {f"total_{name}": _javascript("result.total")},
        },
    ]


def _either(name: str) -> str:
    return f"(results.{name}_yes ?? results.{name}_no).total"


def _python(name: str, mark: str, total: dict[str, Any], rate: dict[str, Any]) -> dict[str, Any]:
    content = _CODE.replace("MARK", f"{name} {mark}")
    inputs = {"total": total, "rate": rate}
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": inputs}
    return {"id": name, "summary": f"Step {name}", "value": value}


def _javascript(expr: str) -> dict[str, Any]:
    return {"type": "javascript", "expr": expr}


def _static(value: Any) -> dict[str, Any]:
    return {"type": "static", "value": value}
