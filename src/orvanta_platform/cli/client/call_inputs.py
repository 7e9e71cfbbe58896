"""Names of inputs in workflows that the called script or workflow, or their own schema, does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import typer

from orvanta_platform.cli.client import flow_files, script_files
from orvanta_platform.cli.client.dev_files import script_at
from orvanta_platform.cli.client.flow_files import FlowFile
from orvanta_platform.errors import OrvantaError
from orvanta_platform.workflow.diagnostics import Diagnostic, pointer
from orvanta_platform.workflow.graph import modules_of
from orvanta_platform.workflow.reads import names_of_text
from orvanta_platform.workflow.signature.refresh import accepts_any
from orvanta_platform.workflow.signature.schema import schema_of
from orvanta_platform.workflow.tree.paths import ALONE, DOCUMENTS, FLOW_FOLDERS

_OF_LOOPS: Final = frozenset({"iter"})
"""Members of `flow_input` that loops add."""


def input_warnings(flow: FlowFile) -> Iterator[Diagnostic]:
    """Yield a warning for each input of a node that its script or workflow in the same tree does not have, and for each
    input of the workflow that an expression reads and its schema lacks.

    Items whose inputs are not known, or that accept any, are left out.
    """
    value = flow.tree.get("value")
    if not isinstance(value, dict):
        return
    own = None if value.get("preprocessor_module") else _closed_inputs(flow.tree.get("schema"))
    base = _base_of(flow)
    known: dict[tuple[str, str], frozenset[str] | None] = {}
    for at, module in modules_of(value):
        node, called = module.get("id"), module.get("value")
        if not isinstance(called, dict) or not isinstance(node, str):
            continue
        transforms = called.get("input_transforms")
        if not isinstance(transforms, dict):
            continue
        place = f"/value{at}/value/input_transforms"
        kind, path = called.get("type"), called.get("path")
        inputs = None
        if base is not None and kind in ("script", "flow") and isinstance(path, str) and not called.get("hash"):
            if (kind, path) not in known:
                known[kind, path] = _inputs_of_script(base, path) if kind == "script" else _inputs_of_flow(base, path)
            inputs = known[kind, path]
        for name, transform in transforms.items():
            if inputs is not None and name not in inputs:
                text = f"the {'script' if kind == 'script' else 'workflow'} {path} has no input `{name}`"
                yield _warning(node, pointer(place, name), f"{text}{_advice(name, inputs)}")
            if own is not None and isinstance(transform, dict) and isinstance(transform.get("expr"), str):
                for read in sorted(
                    (names_of_text(transform["expr"]).get("flow_input") or frozenset()) - own - _OF_LOOPS
                ):
                    text = f"the schema of the workflow has no input `{read}`{_advice(read, own)}"
                    yield _warning(node, pointer(place, name), text)


def _warning(node: str, at: str, text: str) -> Diagnostic:
    return Diagnostic("unknown_input", "warning", node, at, f"node {node}: {text}")


def _advice(name: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f". Did you mean `{near[0]}`?" if near else ""


def _base_of(flow: FlowFile) -> Path | None:
    """Return the folder that contains f and u."""
    return None if flow.path is None else flow.source.absolute().parents[flow.path.count("/")]


def _closed_inputs(schema: Any) -> frozenset[str] | None:
    """Return the names of the inputs in a schema; None if it has none, or accepts others."""
    if not isinstance(schema, Mapping) or schema.get("additionalProperties") or schema.get("patternProperties"):
        return None
    properties = schema.get("properties")
    return frozenset(properties) if isinstance(properties, Mapping) and properties else None


def _inputs_of_script(base: Path, path: str) -> frozenset[str] | None:
    try:
        file = script_at(base, path)
        script = None if file is None else script_files.read(file)
    except (OrvantaError, typer.BadParameter):  # it is reported as its own item
        return None
    if script is None or accepts_any(script.language, script.content):
        return None
    inferred = schema_of(script.language, script.content)
    written = (script.settings or {}).get("schema")
    if inferred is None:
        return _closed_inputs(written)
    names = frozenset(inferred["properties"])
    return names | (_closed_inputs(written) or frozenset())


def _inputs_of_flow(base: Path, path: str) -> frozenset[str] | None:
    places = [*(base / f"{path}{ending}" / name for ending in FLOW_FOLDERS for name in DOCUMENTS)]
    places += [base / f"{path}{ending}" for ending in ALONE]
    file = next((each for each in places if each.is_file()), None)
    if file is None or not file.resolve().is_relative_to(base.resolve()):
        return None
    try:
        return _closed_inputs(flow_files.read(file).tree.get("schema"))
    except OrvantaError:
        return None
