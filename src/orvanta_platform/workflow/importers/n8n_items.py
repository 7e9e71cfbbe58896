"""Nodes of n8n that compute items from items: their results are expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from orvanta_platform.workflow.importers.findings import record, records
from orvanta_platform.workflow.importers.n8n_builder import GraphBuilder, Input, Output, optional_items
from orvanta_platform.workflow.importers.n8n_conditions import compare, condition
from orvanta_platform.workflow.importers.n8n_expressions import BASE, ExpressionContext, Source, is_expression
from orvanta_platform.workflow.importers.n8n_graph import Node
from orvanta_platform.workflow.importers.node_values import expression_script, literal, throwing

_IDENTIFIER: Final = re.compile(r"[A-Za-z_]\w*")
_ITEM: Final = "$json"
_INDEX: Final = "$index"
_MAX_OUTPUTS: Final = 100
T = TypeVar("T", int, None)


def _mapped(builder: GraphBuilder, node: Node, write: Callable[[ExpressionContext], str]) -> None:
    """Append a node whose result is one item for each item."""
    given = builder.input(node)
    if given.source.many:
        context = builder.context(node, given.source, _ITEM, _INDEX)
        expr = f"{given.source.expr}.map(({_ITEM}, {_INDEX}) => ({write(context)}))"
    else:
        expr = write(builder.context(node, given.source))
    id = builder.add(node, expression_script(expr), given)
    builder.record_output(node, id, given, BASE, many=given.source.many, paired=True)


def _computed(builder: GraphBuilder, node: Node, write: Callable[[str], str], *, many: bool = True) -> None:
    """Append a node whose result is computed from the array of all items."""
    given = builder.input(node)
    id = builder.add(node, expression_script(write(given.source.items)), given)
    builder.record_output(node, id, given, BASE, many=many)


def set_fields(builder: GraphBuilder, node: Node) -> None:
    """Convert Set and Edit Fields."""
    found = node.parameters

    def write(context: ExpressionContext) -> str:
        if found.get("mode") in ("raw", "json"):
            written = context.json(found.get("jsonOutput", "{}"))
            return f"{{...{context.item}, ...{written}}}" if _includes(node) else written
        members = [
            (name, context.expr(value) if not kind else _typed(context, value, kind))
            for name, value, kind in _assignments(found)
        ]
        base = f"...{context.item}, " if _includes(node) else ""
        plain = ", ".join(f"{literal(name)}: {value}" for name, value in members if "." not in name)
        written = f"({{{base}{plain}}})"
        for name, value in members:
            if "." in name:
                written = _nested(written, name.split("."), value)
        return written

    _mapped(builder, node, write)


def _nested(base: str, parts: list[str], value: str) -> str:
    """Return an object with a member of a nested object, in an expression."""
    path = "".join(f"[{literal(part)}]" for part in parts[:-1])
    steps = "; ".join(
        f"made{''.join(f'[{literal(part)}]' for part in parts[:n])} ??= {{}}" for n in range(1, len(parts))
    )
    return f"((made) => {{ {steps}; made{path}[{literal(parts[-1])}] = {value}; return made }})({base})"


def _includes(node: Node) -> bool:
    found = node.parameters
    if node.version >= 3.3:
        return found.get("includeOtherFields") is True
    if node.version >= 3:
        return str(found.get("include", "all")) == "all"
    return found.get("keepOnlySet") is not True


def _assignments(found: dict[str, Any]) -> list[tuple[str, Any, str]]:
    """Return the name, value and type of each field that a node sets, in all forms of its versions."""
    if rows := records(record(found.get("assignments")).get("assignments")):
        return [(str(row.get("name")), row.get("value"), str(row.get("type", ""))) for row in rows]
    if rows := records(record(found.get("fields")).get("values")):
        made = []
        for row in rows:
            kind = str(row.get("type", "stringValue"))
            made.append((str(row.get("name")), row.get(kind), kind.removesuffix("Value")))
        return made
    return [
        (str(row.get("name")), row.get("value"), kind)
        for kind, values in record(found.get("values")).items()
        for row in records(values)
    ]


def _typed(context: ExpressionContext, value: Any, kind: str) -> str:
    """Return the value of a field: a constant in the type that it is declared with, an expression as it is."""
    if kind in ("array", "object") and isinstance(value, str):
        return context.json(value)
    if is_expression(value):
        return context.expr(value)
    if kind == "number" and isinstance(value, str):
        return f"Number({literal(value)})"
    if kind == "boolean" and isinstance(value, str):
        return "true" if value.lower() in ("true", "1", "yes") else "false"
    return literal(value)


def filter_items(builder: GraphBuilder, node: Node) -> None:
    """Convert Filter."""
    given = builder.input(node)
    context = builder.context(node, given.source, _ITEM, _INDEX)
    found = node.parameters
    test = condition(context, found.get("conditions"), found.get("combineConditions"), folded=_is_folded(found))
    expr = f"{given.source.items}.filter(({_ITEM}, {_INDEX}) => {test})"
    id = builder.add(node, expression_script(expr), given)
    builder.record_output(node, id, given, BASE, many=True)


def split_out(builder: GraphBuilder, node: Node) -> None:
    """Convert Split Out."""
    field = str(node.parameters.get("fieldToSplitOut", ""))
    name = literal(field.rpartition(".")[2])
    if "," in field:
        _not_converted(builder, node, "Several fields are split out at once, which has no equivalent")
        _computed(builder, node, lambda _: throwing(f"Split Out {field}"))
        return
    if node.parameters.get("include") == "allOtherFields":
        each = f"({{...{_ITEM}, [{name}]: value}})"
    else:
        each = f"(value !== null && typeof value === 'object' ? {{...value}} : {{[{name}]: value}})"
    values = f"({_member(_ITEM, field)} ?? [])"
    _computed(builder, node, lambda items: f"{items}.flatMap({_ITEM} => {values}.map(value => {each}))")


def _member(item: str, field: Any) -> str:
    """Return the member of an item at a path with dots, or no value if one on the way is missing."""
    return item + "".join(f"?.[{literal(part)}]" for part in str(field).split("."))


def _not_converted(builder: GraphBuilder, node: Node, message: str) -> None:
    hint = "Write the value of the node as an expression of its inputs; until then it fails."
    builder.report.add(node.name, "not_converted", f"{message}.", hint)


def aggregate(builder: GraphBuilder, node: Node) -> None:
    """Convert Aggregate. If no items arrive, neither it nor what follows it runs."""
    found = node.parameters
    given = _present(builder, node, builder.input(node))
    items = given.source.items
    if found.get("aggregate") == "aggregateAllItemData":
        expr = f"({{[{literal(found.get('destinationFieldName', 'data'))}]: {items}}})"
    else:
        rows = records(record(found.get("fieldsToAggregate")).get("fieldToAggregate"))
        options = record(found.get("options"))
        members = ", ".join(f"{literal(_renamed(row))}: {_values(row, options)}" for row in rows)
        expr = f"((items) => ({{{members}}}))({items})"
    id = builder.add(node, expression_script(expr), given)
    builder.record_output(node, id, given, BASE, many=False)


def _present(builder: GraphBuilder, node: Node, given: Input) -> Input:
    """Return an input without the case that no items arrive: append a condition if it is possible."""
    if not given.source.many:
        return given
    id = builder.report.new_id(f"{node.name} has items")
    value = {"type": "condition", "expr": f"{given.source.items}.length > 0"}
    builder.add(node, value, given, id)
    source = replace(given.source, when=f"results.{id} === true")
    return Input([{"node": id, "on": "true"}], None, source, (*given.taken, (id, "true")))


def _values(row: dict[str, Any], options: dict[str, Any]) -> str:
    """Return the values of a field of all items. Missing ones are left out unless an option includes them."""
    values = f"items.map(item => {_member('item', row.get('fieldToAggregate', ''))})"
    if options.get("keepMissing") is True:
        values = f"{values}.map(value => value ?? null)"
    else:
        values = f"{values}.filter(value => value != null)"
    return f"{values}.flat()" if options.get("mergeLists") is True else values


def _renamed(row: dict[str, Any]) -> str:
    """Return the name under which a field is aggregated: by default the last part of its path."""
    name = row.get("outputFieldName") if row.get("renameField") is True else None
    return str(name or str(row.get("fieldToAggregate", "")).rpartition(".")[2])


def limit(builder: GraphBuilder, node: Node) -> None:
    """Convert Limit."""
    count = node.parameters.get("maxItems", 1)
    count = count if isinstance(count, int) and count > 0 else 1
    part = f"-{count}" if node.parameters.get("keep") == "lastItems" else f"0, {count}"
    _computed(builder, node, lambda items: f"{items}.slice({part})")


def merge(builder: GraphBuilder, node: Node) -> None:
    """Convert Merge. An input whose nodes did not run has no items."""
    count = max([2, *(each.input + 1 for each in builder.graph.by_target.get(node.name, []))])
    whole = builder.input(node)
    inputs = [
        f"[{', '.join(optional_items(each.source) for each in builder.inputs(node, index))}]" for index in range(count)
    ]
    id = builder.add(node, expression_script(_merged(builder, node, inputs)), whole)
    builder.record_output(node, id, whole, BASE, many=True)


def _merged(builder: GraphBuilder, node: Node, inputs: list[str]) -> str:
    found = node.parameters
    mode = str(found.get("mode", "append"))
    by = str(found.get("combineBy", found.get("combinationMode", "")))
    if mode == "append":
        return f"[{', '.join(inputs)}].flat()"
    if mode in ("chooseBranch", "passThrough", "wait"):
        output = str(found.get("output", ""))
        if output == "empty":
            return "[{}]"
        chosen = str(found.get("useDataOfInput", output)).removeprefix("input")
        place = int(chosen) if chosen.isdecimal() else 1
        return inputs[place - 1] if 0 < place <= len(inputs) else "[]"
    if mode == "mergeByIndex" or by in ("combineByPosition", "mergeByPosition"):
        count = "Math.min(...inputs.map(each => each.length))"
        joined = "Object.assign({}, ...inputs.map(each => each[n]))"
        return f"((...inputs) => Array.from({{length: {count}}}, (_, n) => {joined}))({', '.join(inputs)})"
    if mode == "multiplex" or by in ("combineAll", "multiplex"):
        return f"((a, b) => a.flatMap(one => b.map(two => ({{...one, ...two}}))))({inputs[0]}, {inputs[1]})"
    pairs = _fields(found)
    if pairs and str(found.get("joinMode", "keepMatches")) in ("keepMatches", "enrichInput1"):
        test = " && ".join(
            f"{_member('one', left)} !== undefined && {_member('one', left)} === {_member('two', right)}"
            for left, right in pairs
        )
        rest = ", one" if found.get("joinMode") == "enrichInput1" else ""
        made = f"b.filter(two => {test}).map(two => ({{...one, ...two}}))"
        if rest:
            made = f"(found => found.length ? found : [one])({made})"
        return f"((a, b) => a.flatMap(one => {made}))({inputs[0]}, {inputs[1]})"
    _not_converted(builder, node, " ".join(f"The mode {mode} {by} of Merge has no equivalent".split()))
    return throwing(f"Merge {mode} {by}")


def _fields(found: dict[str, Any]) -> list[tuple[str, str]]:
    text = found.get("fieldsToMatchString")
    if isinstance(text, str) and text:
        return [(name.strip(), name.strip()) for name in text.split(",")]
    values = records(record(found.get("mergeByFields")).get("values"))
    return [(str(row.get("field1")), str(row.get("field2"))) for row in values]


def if_node(builder: GraphBuilder, node: Node) -> None:
    """Convert IF: a condition for one item, otherwise a division of the items."""
    found = node.parameters

    def test(context: ExpressionContext) -> str:
        combine = found.get("combineOperation", "all")
        return condition(context, found.get("conditions"), combine, folded=_is_folded(found))

    _branch(builder, node, [test], fallback=1)


def switch(builder: GraphBuilder, node: Node) -> None:
    """Convert Switch, which sends each item to the output of the first rule that is true."""
    found = node.parameters
    options = record(found.get("options"))
    tests: list[Callable[[ExpressionContext], str]] = []
    if found.get("mode") == "expression":
        count = _output_index(found.get("numberOutputs", found.get("outputsAmount")), 4)
        tests = [_numbered(found.get("output", 0), n) for n in range(count)]
        _branch(builder, node, tests, fallback=None)
        return
    rules = record(found.get("rules"))
    outputs: list[int] | None = None
    if isinstance(rules.get("values"), list):
        tests = [_ruled(row, folded=_is_folded(found)) for row in rules["values"]]
    else:
        rows = records(rules.get("rules"))
        tests = [_compared(found, row) for row in rows]
        outputs = [_output_index(row.get("output"), n) for n, row in enumerate(rows)]
    if options.get("allMatchingOutputs") is True:
        builder.report.add(
            node.name,
            "differs",
            "The switch sends an item to all matching outputs; here it takes the first one.",
            "Use one condition for each output.",
        )
    other = options.get("fallbackOutput", found.get("fallbackOutput", "none"))
    fallback = len(tests) if other == "extra" else _output_index(other, None)
    _branch(builder, node, tests, fallback=fallback, outputs=outputs)


def _output_index(value: Any, other: T) -> int | T:
    """Return the number of an output; `other` if the value is not such a number."""
    return value if isinstance(value, int) and 0 <= value < _MAX_OUTPUTS else other


def _numbered(value: Any, n: int) -> Callable[[ExpressionContext], str]:
    return lambda context: f"(Number({context.expr(value)}) === {n})"


def _ruled(row: Any, *, folded: bool) -> Callable[[ExpressionContext], str]:
    return lambda context: condition(context, record(row).get("conditions"), folded=folded)


def _is_folded(found: dict[str, Any]) -> bool:
    """Return whether the comparisons of a node ignore the case of texts."""
    return record(found.get("options")).get("ignoreCase") is True


def _compared(found: dict[str, Any], row: Any) -> Callable[[ExpressionContext], str]:
    name = str(row.get("operation", "equal"))
    plain = {
        "equal": "equals",
        "notEqual": "notEquals",
        "larger": "gt",
        "largerEqual": "gte",
        "smaller": "lt",
        "smallerEqual": "lte",
    }.get(name, name)
    kind = str(found.get("dataType", "string"))
    return lambda context: compare(context, kind, plain, found.get("value1"), row.get("value2"))


def _branch(
    builder: GraphBuilder,
    node: Node,
    tests: list[Callable[[ExpressionContext], str]],
    *,
    fallback: int | None,
    outputs: list[int] | None = None,
) -> None:
    indexes = outputs or list(range(len(tests)))
    given = builder.input(node)
    builder.sources[node.name] = given.source
    if node.settings.get("alwaysOutputData") is True:
        message = "The item that the node outputs if nothing matches (Always Output Data) has no equivalent."
        builder.report.add(node.name, "not_converted", message, "Connect the output for everything else.")
    if given.source.many:
        _divide(builder, node, given, tests, indexes, fallback)
        return
    context = builder.context(node, given.source)
    needs, join, taken = given.needs, given.join, given.taken
    for number, (index, test) in enumerate(zip(indexes, tests, strict=True)):
        id = builder.report.new_id(node.name if number == 0 else f"{node.name} {number + 1}")
        module: dict[str, Any] = {"id": id, "summary": node.name, "value": {"type": "condition", "expr": test(context)}}
        module["needs"] = needs
        builder.scope.modules.append({**module, "join": join} if join else module)
        source = _when(given.source, f"results.{id} === true")
        if (node.name, index) not in builder.outputs:
            builder.set_output(node, index, Output((id, "true"), source, (*taken, (id, "true"))))
        else:
            builder.report.add(
                node.name, "not_converted", f"Several rules lead to the output {index}.", "Join their conditions."
            )
        taken = (*taken, (id, "false"))
        needs, join = [{"node": id, "on": "false"}], None
    if tests and fallback is not None and (node.name, fallback) not in builder.outputs:
        source = _when(given.source, f"results.{id} === false")
        builder.set_output(node, fallback, Output((id, "false"), source, taken))


def _when(source: Source, when: str) -> Source:
    return replace(source, when=when)


def _divide(
    builder: GraphBuilder,
    node: Node,
    given: Input,
    tests: list[Callable[[ExpressionContext], str]],
    indexes: list[int],
    fallback: int | None,
) -> None:
    """Append a node whose result has an array of items for each output."""
    context = builder.context(node, given.source, _ITEM, _INDEX)
    chosen = " : ".join(f"{test(context)} ? {index}" for index, test in zip(indexes, tests, strict=True))
    rest = -1 if fallback is None else fallback
    count = max([*indexes, rest]) + 1
    numbers = f"{given.source.expr}.map(({_ITEM}, {_INDEX}) => [{chosen} : {rest}, {_ITEM}])"
    part = "rows.filter(row => row[0] === n).map(row => row[1])"
    expr = f"((rows) => Array.from({{length: {count}}}, (_, n) => {part}))({numbers})"
    id = builder.add(node, expression_script(expr), given)
    builder.record_output(node, id, given, BASE, many=True)
    whole = builder.outputs.pop((node.name, 0))
    for index in range(count):
        source = Source(f"results.{id}", f"{BASE}[{index}]", True, whole.source.when, f"{node.name} {index}")
        builder.set_output(node, index, Output((id, "success"), source, given.taken))
    builder.sources[node.name] = given.source
