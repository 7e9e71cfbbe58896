"""Lists of nodes of the platform, built from the graph of a workflow of n8n."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.importers.findings import Report, record, shortened
from orvanta_platform.workflow.importers.n8n_expressions import BASE, MAX_EXPRESSION, ExpressionContext, Source
from orvanta_platform.workflow.importers.n8n_graph import LOOP, Connection, Graph, Node
from orvanta_platform.workflow.importers.node_values import (
    expression_script,
    javascript,
    static,
    without_sequential_needs,
)

_MAX_DEPTH: Final = 20
ITEM: Final = "flow_input.iter.value"
INDEX: Final = "flow_input.iter.index"


class Output(msgspec.Struct, frozen=True):
    """An output of a converted node: the edge that leaves it, and its items."""

    edge: tuple[str, str] | None
    """Id of the node and outcome; None for the start of the list."""
    source: Source
    taken: tuple[tuple[str, str], ...] = ()
    """Conditions with their outcomes on the way to it."""


class Input(msgspec.Struct, frozen=True):
    """The input of a node: its edges and the items that arrive."""

    needs: list[Any]
    join: str | None
    source: Source
    taken: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Scope:
    """A list of nodes under construction."""

    names: set[str]
    modules: list[dict[str, Any]] = field(default_factory=list)
    back: list[Output] = field(default_factory=list)
    """Outputs that lead back to the loop around the list."""
    ends: dict[str, Output] = field(default_factory=dict)
    """Outputs of the nodes that nothing in the list follows, by name."""


NodeConverter = Callable[["GraphBuilder", Node], None]


@dataclass(slots=True)
class GraphBuilder:
    """Conversion of a graph under way."""

    report: Report
    graph: Graph
    workflow: dict[str, Any]
    converter: Callable[[Node], NodeConverter]
    outputs: dict[tuple[str, int], Output] = field(default_factory=dict)
    indexes: dict[str, dict[int, None]] = field(default_factory=dict)
    """Numbers of the outputs of each node, in the order in which they were recorded."""
    sources: dict[str, Source] = field(default_factory=dict)
    """Items of each node that later nodes can refer to."""
    scope: Scope = field(default_factory=lambda: Scope(set()))
    loop: str | None = None
    """Name of the loop around the list."""
    answers: list[Output] = field(default_factory=list)
    """Outputs of the nodes that answer the caller."""
    depth: int = 0

    def build(self, names: set[str]) -> Scope:
        """Return the list of the nodes with these names, in the order of their connections. Raises BadRequest."""
        outer, self.scope = self.scope, Scope(names)
        for name in self._ordered(names):
            node = self.graph.nodes[name]
            if node.kind == LOOP and name != self.loop:
                self._loop(node)
            else:
                self.converter(node)(self, node)
            for each in self.graph.by_source.get(name, []):
                if each.target == self.loop and (name, each.output) in self.outputs:
                    self.scope.back.append(self.outputs[name, each.output])
            if not any(each.target in names for each in self.graph.by_source.get(name, [])):
                self._end(name)
        made, self.scope = self.scope, outer
        made.modules = without_sequential_needs(made.modules)
        return made

    def _end(self, name: str) -> None:
        recorded = ((name, index) for index in self.indexes.get(name, ()))
        found = [self.outputs[key] for key in recorded if key in self.outputs]
        if found and found[0].edge is not None:
            self.scope.ends[name] = found[0]

    def _ordered(self, names: set[str]) -> list[str]:
        """Return the names so that each follows those that lead to it, without the bodies of loops."""
        inside = names - self._bodies(names)
        waiting = {
            name: sum(self._counts(each, inside) for each in self.graph.by_target.get(name, []))
            for name in sorted(inside, key=self.graph.positions.__getitem__)
        }
        ready = [name for name, count in waiting.items() if count == 0]
        found = []
        for name in ready:
            found.append(name)
            for each in self.graph.by_source.get(name, []):
                if self._counts(each, inside):
                    waiting[each.target] -= 1
                    if waiting[each.target] == 0:
                        ready.append(each.target)
        return found

    def _counts(self, each: Connection, inside: set[str]) -> bool:
        return each.source in inside and each.target in inside

    def _bodies(self, names: set[str]) -> set[str]:
        loops = [name for name in names if self.graph.nodes[name].kind == LOOP and name != self.loop]
        found: set[str] = set()
        for name in loops:
            found |= self.body(name) & names
        return found

    def body(self, name: str) -> set[str]:
        """Return the nodes that a loop repeats."""
        output = loop_output(self.graph.nodes[name])
        edges = self.graph.by_source.get(name, [])
        starts = [each.target for each in edges if each.output == output]
        found = self.graph.reachable(starts, [name, *([self.loop] if self.loop else [])])
        # What follows the loop may be the whole rest of the workflow: only what leads into the body is searched.
        around = self.graph.leading_to(found, [name])
        after = [each.target for each in edges if each.output != output and each.target in around]
        return found - self.graph.reachable(after, [name], around) - {name}

    def input(self, node: Node, index: int | None = None) -> Input:
        """Return the input of a node; without an index, all of its inputs together."""
        outputs = self.inputs(node, index)
        if not outputs:
            return Input([], None, Source("flow_input", origin="input"))
        needs = _needs(outputs)
        if len(outputs) == 1:
            return Input(needs, None, _once(node, outputs[0].source), outputs[0].taken)
        return Input(needs, "settled" if len(needs) > 1 else None, _once(node, self._joined(node, outputs)))

    def inputs(self, node: Node, index: int | None = None) -> list[Output]:
        """Return the outputs that are connected to a node."""
        return [
            self.outputs[each.source, each.output]
            for each in self.graph.by_target.get(node.name, [])
            if (index is None or each.input == index) and (each.source, each.output) in self.outputs
        ]

    def _joined(self, node: Node, outputs: list[Output]) -> Source:
        sources = [each.source for each in outputs]
        if len({each.expr for each in sources}) == 1:
            when = None if any(each.when is None for each in sources) else sources[0].when
            request, timed = (any(getattr(each, name) for each in sources) for name in ("request", "timed"))
            return replace(sources[0], when=when, request=request, timed=timed)
        exclusive = are_exclusive(outputs)
        when = None if any(each.when is None for each in sources) else "true"
        if exclusive and not any(each.many for each in sources):
            chosen = "".join(f"{each.when or 'true'} ? {each.expr} : " for each in sources[:-1])
            return _limited(node, Source(f"({chosen}{sources[-1].expr})", when=when, origin=node.name))
        if not exclusive and node.kind != "merge":
            self.report.add(
                node.name,
                "differs",
                "Several connections lead to one input: n8n runs the node once for each, here it runs once for all.",
                "Check that the node may process the items together.",
            )
        joined = f"[{', '.join(map(optional_items, sources))}]"
        return _limited(node, Source(joined, many=True, when=when, origin=node.name))

    def context(self, node: Node, source: Source, item: str | None = None, index: str = "0") -> ExpressionContext:
        """Return what the expressions of a node can read, for one item."""
        inner = item == ITEM

        def find(name: str) -> Source | None:
            before = name == self.loop or self.graph.precedes(name, node.name)
            found = self.sources.get(name) if before else None
            return None if found is not None and inner and ITEM in found.expr else found

        one = source.expr if item is None else item
        return ExpressionContext(self.report, node.name, one, index, source, find, self.workflow)

    def add(self, node: Node, value: dict[str, Any], given: Input, id: str | None = None) -> str:
        """Append a node with the settings that all nodes have, and return its id."""
        made = id or self.report.new_id(node.name)
        module: dict[str, Any] = {"id": made, "summary": node.name, "value": value, "needs": given.needs}
        if given.join:
            module["join"] = given.join
        if value["type"] not in ("forloopflow", "condition", "identity", "delay"):
            module |= error_settings(node) | time_limit(node)
        elif value["type"] == "forloopflow" and error_settings(node).get("continue_on_error"):
            module["continue_on_error"] = True
        self.scope.modules.append(module)
        return made

    def record_output(
        self, node: Node, id: str, given: Input, pattern: str, *, many: bool, paired: bool = False
    ) -> None:
        """Record the items that leave a node by its only output, and by its output for errors."""
        conditional = given.source.when is not None or given.join is not None
        when = f"results.{id} != null" if conditional else None
        origin = given.source.origin if paired else node.name
        source = Source(f"results.{id}", pattern, many, when, origin)
        if error_settings(node).get("continue_on_error"):
            source = replace(source, pattern=f"({BASE}?.error ? [{BASE}] : {source.pattern})" if many else pattern)
        if many and node.settings.get("alwaysOutputData") is True:
            source = replace(source, pattern=f"(items => items.length ? items : [{{}}])({source.pattern})")
        self.set_output(node, 0, Output((id, "success"), source, given.taken))
        self.sources[node.name] = source
        if divides_errors(node):
            if not any(each.output == 1 for each in self.graph.by_source.get(node.name, [])):
                self._drop_failure(node, id)
            failed = replace(source, pattern=BASE, many=False, when=f"results.{id}?.error != null")
            self.set_output(node, 1, Output((id, "failure"), failed, (*given.taken, (id, "failure"))))
            succeeded = self.outputs[node.name, 0]
            self.outputs[node.name, 0] = replace(
                succeeded,
                source=replace(source, when=f"(results.{id} != null && results.{id}.error == null)"),
                taken=(*given.taken, (id, "success")),
            )

    def _drop_failure(self, node: Node, id: str) -> None:
        """Append a node that handles the failure of another one, whose output for errors leads nowhere."""
        handler = {"id": self.report.new_id(f"{node.name} failed"), "summary": f"Errors of {node.name} are dropped"}
        needs = [{"node": id, "on": "failure"}]
        self.scope.modules.append({**handler, "value": {"type": "identity"}, "needs": needs})

    def set_output(self, node: Node, index: int, output: Output) -> None:
        """Record an output of a node."""
        indexes = self.indexes.setdefault(node.name, {})
        if (node.name, index) not in self.outputs:  # it may have been removed: it is the last one again
            indexes.pop(index, None)
        indexes[index] = None
        self.outputs[node.name, index] = output

    def pass_through(self, node: Node, id: str, given: Input, index: int = 0) -> None:
        """Record that a node passes on the items of its input."""
        source = given.source
        self.set_output(node, index, Output((id, "success"), source, given.taken))
        self.sources[node.name] = source

    def _loop(self, node: Node) -> None:
        """Append the loop over the items of a node, with its body."""
        if self.depth >= _MAX_DEPTH:
            raise BadRequest(f"The loops of the workflow are nested deeper than {_MAX_DEPTH} levels.")
        given = self.input_of_loop(node)
        id = self.report.new_id(node.name)
        size = node.parameters.get("batchSize", 1)
        size = size if isinstance(size, int) and size > 0 else 1
        body = self.body(node.name)
        outer, self.loop = self.loop, node.name
        output = loop_output(node)
        item = Source(ITEM, many=size > 1, origin=node.name)
        self.outputs[node.name, output] = Output(None, item)
        self.sources[node.name] = item
        self.depth += 1
        made = self.build(body)
        self.depth -= 1
        self.loop = outer
        source = self._collected(node, made)
        items = given.source.items
        if size > 1:
            part = f"items.slice(n * {size}, n * {size} + {size})"
            items = f"((items) => Array.from({{length: Math.ceil(items.length / {size})}}, (_, n) => {part}))({items})"
        value = {"type": "forloopflow", "iterator": javascript(items), "skip_failures": False, "modules": made.modules}
        self.add(node, value, given, id)
        for name in body:
            self.sources.pop(name, None)
        del self.outputs[node.name, output]
        pattern = f"{BASE}.flatMap(each => {source.items.replace(source.base, 'each') if source.base else 'each'})"
        self.record_output(node, id, given, pattern, many=True)
        if output == 0:
            self.set_output(node, 1, self.outputs.pop((node.name, 0)))

    def input_of_loop(self, node: Node) -> Input:
        """Return the input of a loop without the connections that lead back to it."""
        body = self.body(node.name)
        rest = [each for each in self.graph.by_target.get(node.name, []) if each.source not in body]
        connections = self.graph.by_target.get(node.name, [])
        self.graph.by_target[node.name] = rest
        found = self.input(node)
        self.graph.by_target[node.name] = connections
        return found

    def _collected(self, node: Node, made: Scope) -> Source:
        """Return the items that an iteration hands back, as a source whose base is the result of the iteration."""
        only = made.back[0] if len(made.back) == 1 and len(made.ends) == 1 else None
        if only and only.edge and only.source.base == f"results.{only.edge[0]}" and only in made.ends.values():
            return only.source
        if not made.modules:
            return Source("", BASE)
        outputs = made.back or list(made.ends.values())
        if not made.back:
            self.report.add(
                node.name,
                "differs",
                "No node leads back to the loop: n8n ends after the first batch, here each item is processed.",
                "Check the loop.",
            )
        id = self.report.new_id(f"{node.name} items")
        needs = _needs(outputs)
        expr = f"[{', '.join(optional_items(each.source) for each in outputs)}]"
        made.modules = [*made.modules, {"id": id, "value": expression_script(expr)}]
        if any("needs" in each for each in made.modules):
            made.modules[-1] |= {"needs": needs, "join": "settled"}
        return Source(f"results.{id}", many=True)


def _once(node: Node, source: Source) -> Source:
    """Return the items that a node takes: the first one only if it executes once."""
    if node.settings.get("executeOnce") is not True or not source.many:
        return source
    return replace(source, pattern=f"{source.pattern}.slice(0, 1)")


def _limited(node: Node, source: Source) -> Source:
    """Return a source whose expression has a reasonable length. Raises BadRequest."""
    if len(source.base) > MAX_EXPRESSION:
        raise BadRequest(f"Too many connections lead to the node {shortened(node.name)!r}.")
    return source


def written(edge: tuple[str, str]) -> Any:
    """Return an edge as the artifact writes it."""
    node, outcome = edge
    return node if outcome == "success" else {"node": node, "on": outcome}


def optional_items(source: Source) -> str:
    """Return the items of a node that may not have run, as elements of an array."""
    return f"...({source.when} ? {source.items} : [])" if source.when else f"...{source.items}"


def _needs(outputs: Sequence[Output]) -> list[Any]:
    """Return the edges of outputs, each once."""
    return [written(edge) for edge in dict.fromkeys(each.edge for each in outputs if each.edge is not None)]


def are_exclusive(outputs: Sequence[Output]) -> bool:
    """Return whether a run takes at most one of the outputs: each two are behind other outcomes of a condition."""
    chosen = [dict(each.taken) for each in outputs]
    # The conditions of a switch follow one another, so that two of its outputs differ at the last one of the first.
    return all(
        any(other.get(node, outcome) != outcome for node, outcome in reversed(one.items()))
        for one, other in combinations(chosen, 2)
    )


def loop_output(node: Node) -> int:
    """Return the output of a loop that leads to its body."""
    return 1 if node.version >= 3 else 0


def time_limit(node: Node) -> dict[str, Any]:
    """Return the time limit of a node, which n8n counts in milliseconds."""
    limit = record(node.parameters.get("options")).get("timeout")
    return {"timeout": static(max(1, round(limit / 1000)))} if isinstance(limit, int) and limit > 0 else {}


def divides_errors(node: Node) -> bool:
    """Return whether a node has an output of its own for errors."""
    return node.settings.get("onError") == "continueErrorOutput"


def error_settings(node: Node) -> dict[str, Any]:
    """Return the settings of a node for failures."""
    found: dict[str, Any] = {}
    settings = node.settings
    if settings.get("onError") == "continueRegularOutput" or settings.get("continueOnFail") is True:
        found["continue_on_error"] = True
    if settings.get("retryOnFail") is True:
        tries, wait = settings.get("maxTries", 3), settings.get("waitBetweenTries", 1000)
        tries = tries if isinstance(tries, int) else 3
        seconds = max(1, round(wait / 1000)) if isinstance(wait, int | float) else 1
        if tries > 1:
            found["retry"] = {"constant": {"attempts": tries - 1, "seconds": seconds}}
    return found
