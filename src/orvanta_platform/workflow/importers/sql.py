"""SQL with templates, as a node with a query and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from orvanta_platform.workflow.importers.javascript_tokens import segments
from orvanta_platform.workflow.importers.node_values import javascript, rawscript, reference


def parameters(text: str, expr: Callable[[str], str]) -> tuple[str, list[str]]:
    """Return SQL with `$1`, `$2` … for its templates `{{ … }}`, and their expressions.

    A parameter also replaces the quotes around its template, and is joined to the other parts of a text in quotes.
    `expr` converts the code of a template.
    """
    written, found, quoted, inside = "", list[str](), False, False
    parts = segments(text)
    for index, (is_code, part) in enumerate(parts):
        if not is_code:
            written += part[1:] if quoted else part
            quoted, inside = False, inside != (part.count("'") % 2 == 1)
            continue
        following = parts[index + 1] if index + 1 < len(parts) else (False, "")
        quoted = written.endswith("'") and not following[0] and following[1].startswith("'")
        parameter = f"${len(found) + 1}"
        if inside and not quoted:
            found.append(f"String({expr(part)})")
            written += f"' || {parameter} || '"
        else:
            found.append(expr(part))
            written = (written[:-1] if quoted else written) + parameter
    return written, found


def query(text: str, found: Sequence[str], database: str) -> dict[str, Any]:
    """Return the value of a node with a query. `found`: expressions of its parameters; `database`: a resource path."""
    names = [f"value_{number}" for number in range(1, len(found) + 1)]
    declared = "".join(f"-- ${number} {name}\n" for number, name in enumerate(names, 1))
    inputs = {name: javascript(expr) for name, expr in zip(names, found, strict=True)}
    return rawscript("postgresql", f"{declared}{text.strip()}\n", {"database": reference(database), **inputs})
