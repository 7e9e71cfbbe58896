"""Input of the validation rules: a normalised document, its graph, and every expression and static value in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from orvanta_platform.workflow.diagnostics import Diagnostic, Severity
from orvanta_platform.workflow.expressions import Expr, names, parse_small
from orvanta_platform.workflow.grammar import DOCUMENT, FLOW, MODULE, check_value
from orvanta_platform.workflow.graph import Graph, Node, Tree
from orvanta_platform.workflow.reads import names_of_text

_READS_OWN_RESULT = ("/export/", "/stop_after_if/", "/stop_after_all_iters_if/", "/retry/")

VALUE_PATH = "/value"
"""JSON pointer of the value tree in a document; paths of the graph are relative to it."""


class ListedNode(msgspec.Struct, frozen=True):
    """Node and the index of the list that contains it."""

    node: Node
    list_index: int | None
    """None for the failure module and the preprocessor, which belong to no list."""

    @property
    def path(self) -> str:
        """Return the JSON pointer in the document."""
        return VALUE_PATH + self.node.path


class Use(msgspec.Struct, frozen=True):
    """Expression of a node, or of the workflow."""

    listed: ListedNode | None
    """Node of the expression; None if it belongs to the workflow."""
    path: str
    text: str
    expr: Expr | None
    """None if the expression is not part of the small language."""
    own: bool
    """True if it is evaluated after its node has ended, with the node's result."""

    @property
    def reads(self) -> dict[str, frozenset[str] | None]:
        """Return the names read from the scope with members (`expressions.names`); for JavaScript, a superset."""
        return names_of_text(self.text) if self.expr is None else names(self.expr)


@dataclass(slots=True)
class Subject:
    """Document as read by the rules."""

    document: Tree
    graph: Graph
    listed_nodes: tuple[ListedNode, ...]
    uses: list[Use] = field(default_factory=list)
    agent_filled: list[tuple[ListedNode | None, str]] = field(default_factory=list)
    """Paths of transforms of type ai."""
    faults: list[Diagnostic] = field(default_factory=list)
    """Violations of the grammar."""

    @property
    def value(self) -> Tree:
        """Return the value tree."""
        value: Tree = self.document["value"]
        return value


def diagnostic(code: str, severity: Severity, listed: ListedNode | None, path: str, message: str) -> Diagnostic:
    """Return a diagnostic whose message starts with its node."""
    if listed is None:
        return Diagnostic(code, severity, None, path, message)
    node_id = listed.node.id or None
    return Diagnostic(code, severity, node_id, path, f"node {node_id or listed.path}: {message}")


@dataclass(slots=True)
class _Recorder:
    """Implementation of `shapes.Reader` for one node, or for the workflow."""

    subject: Subject
    listed: ListedNode | None = None

    def fault(self, code: str, path: str, message: str) -> None:
        self.subject.faults.append(diagnostic(code, "error", self.listed, path, message))

    def expression(self, path: str, text: str) -> None:
        own = self.listed is not None and path.removeprefix(self.listed.path).startswith(_READS_OWN_RESULT)
        self.subject.uses.append(Use(self.listed, path, text, parse_small(text), own))

    def agent_filled(self, path: str) -> None:
        self.subject.agent_filled.append((self.listed, path))


def read(document: Tree, graph: Graph) -> Subject:
    """Read a normalised document whose value is an object, and check its grammar."""
    subject = Subject(document, graph, tuple(_listed_nodes(graph)))
    DOCUMENT.check(document, "", _Recorder(subject))
    FLOW.check(document["value"], VALUE_PATH, _Recorder(subject))
    for listed in subject.listed_nodes:
        recorder = _Recorder(subject, listed)
        MODULE.check(listed.node.tree, listed.path, recorder)
        if isinstance(listed.node.tree.get("value"), dict):
            check_value(listed.node.value, f"{listed.path}/value", recorder)
    return subject


def _listed_nodes(graph: Graph) -> Iterator[ListedNode]:
    for each in graph.lists:
        for node in each.nodes:
            yield ListedNode(node, each.index)
    for single in (graph.preprocessor, graph.failure):
        if single is not None:
            yield ListedNode(single, None)
