"""Code nodes of n8n, with the names that their code uses."""

from __future__ import annotations

import re
from typing import Any, Final

from orvanta_platform.workflow.importers.n8n_builder import GraphBuilder
from orvanta_platform.workflow.importers.n8n_expressions import BASE
from orvanta_platform.workflow.importers.n8n_graph import Node
from orvanta_platform.workflow.importers.node_values import javascript, literal, placeholder, rawscript
from orvanta_platform.workflow.importers.python_indentation import indented

_NAMED: Final = re.compile(r"""(?:\$\(|\$node\[|\$items\(|_\(|_node\[)\s*(["'`])((?:(?!\1).)+)\1""")
_UNKNOWN: Final = re.compile(
    r"(?<![\w.$])(\$getWorkflowStaticData|\$binary|\$env|\$vars|\$secrets|\$execution|\$workflow|\$prevNode|\$jmespath"
    r"|\$evaluateExpression|\$now|\$today|\$runIndex|DateTime(?=\.)|this\.helpers|getWorkflowStaticData|getBinaryData"
    r"|_getWorkflowStaticData|_env|_vars|_execution|_workflow|_now|_today|_jmespath)"
)
_MEMBER: Final = re.compile(
    r"""(?:\$input|_input|\$\([^)]*\)|_\([^)]*\))\s*\.\s*(isExecuted|itemMatching|params|context)\b|\.(binary)\b(?!\()"""
)
"""Member of a node or an item that the code cannot read."""
_PART: Final = re.compile(r"""(?:\.|\[["'])(query|params|headers)\b""")
"""Part of the request of a webhook that is not a member of the input of a run."""

_SCRIPT: Final = """export async function main(items: any[], nodes: Record<string, any[]> = {}) {
  const wrap = (json: any, index: number) => ({ json, pairedItem: index });
  const read = (list: any[], at: number) => {
    const all = list.map(wrap);
    return { all: () => all, first: () => all[0], last: () => all[all.length - 1], item: all[at] ?? all[0] };
  };
  const run = async (at: number) => {
    const $input = read(items, at);
    const $ = (name: string) => read(nodes[name] ?? [], at);
    const $node = new Proxy({}, { get: (_, name) => ({ json: (nodes[String(name)] ?? [])[at] }) }) as any;
    const $items = (name?: string) => (name ? $(name) : $input).all();
    const $json = items[at];
    const $itemIndex = at;
    const item = $json;
    return await (async (items: any) => {
%s
    })($input.all());
  };
%s}

function plain(found: any): any[] {
  const list = Array.isArray(found) ? found : found == null ? [] : [found];
  return list.map((each) => (each && typeof each === "object" && "json" in each ? each.json : each));
}
"""
_ALL: Final = "  return items.length ? plain(await run(0)) : [];\n"
_EACH: Final = """  const made = [];
  for (let at = 0; at < items.length; at++) made.push(...plain(await run(at)));
  return made;
"""

_PYTHON: Final = '''class Item(dict):
    """Object whose members are attributes too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    __setattr__ = dict.__setitem__

    def to_py(self):
        return self


def wrap(value):
    if isinstance(value, dict):
        return Item({name: wrap(each) for name, each in value.items()})
    return [wrap(each) for each in value] if isinstance(value, list) else value


class Items:
    def __init__(self, found, at=0):
        self._all = [Item(json=wrap(each)) for each in found]
        self.item = self._all[at] if at < len(self._all) else None

    def all(self):
        return self._all

    def first(self):
        return self._all[0]

    def last(self):
        return self._all[-1]


def plain(found):
    rows = found if isinstance(found, list) else [] if found is None else [found]
    return [each["json"] if isinstance(each, dict) and "json" in each else each for each in rows]


def run(items, nodes, at):
    _input = Items(items, at)
    _items = items = _input.all()
    _item = item = _input.item
    _json = _item["json"]

    def _(name):
        return Items(nodes.get(name, []), at)

    _node = {name: Item(json=wrap(each[at] if at < len(each) else None)) for name, each in nodes.items()}

%s

def main(items: list, nodes: dict = {}):
%s'''
_PYTHON_ALL: Final = "    return plain(run(items, nodes, 0)) if items else []\n"
_PYTHON_EACH: Final = "    return [each for at in range(len(items)) for each in plain(run(items, nodes, at))]\n"


def code(builder: GraphBuilder, node: Node) -> None:
    """Convert Code, Function and Function Item."""
    found = node.parameters
    each = found.get("mode") == "runOnceForEachItem" or node.kind == "functionItem"
    python = str(found.get("language", "javaScript")).startswith("python")
    names = ("pythonCode",) if python else ("jsCode", "functionCode")
    text = next((value for name in names if isinstance(value := found.get(name), str)), "")
    given = builder.input(node)
    seen = builder.context(node, given.source)
    nodes, requests = [], given.source.request
    for name in dict.fromkeys(match[2] for match in _NAMED.finditer(text)):
        source = seen.find(name)
        if source is None:
            _report(builder, node, f"It reads the node {name!r}, which does not run before this one")
        else:
            nodes.append(f"{literal(name)}: {source.items}")
            requests = requests or source.request
    if requests and (part := _PART.search(text)):
        _report(builder, node, f"The code reads {part[1]} of the request, whose parameters are inputs of the run")
    for unknown in dict.fromkeys(match[1] for match in _UNKNOWN.finditer(text)):
        _report(builder, node, f"The code uses {unknown}, which has no equivalent")
    for member in dict.fromkeys(match[1] or match[2] for match in _MEMBER.finditer(text)):
        _report(builder, node, f"The code uses {member}, which has no equivalent")
    inputs = {"items": javascript(given.source.items), "nodes": javascript(f"({{{', '.join(nodes)}}})")}
    value = _python(builder, node, text, inputs, each=each) if python else _script(text, inputs, each=each)
    id = builder.add(node, value, given)
    one = each and not given.source.many
    builder.record_output(node, id, given, f"{BASE}[0]" if one else BASE, many=not one, paired=each)


def _script(text: str, inputs: dict[str, Any], *, each: bool) -> dict[str, Any]:
    margin = "" if "`" in text else "      "
    body = "\n".join(margin + line if line.strip() else line for line in text.splitlines())
    return rawscript("bun", _SCRIPT % (body, _EACH if each else _ALL), inputs)


def _python(builder: GraphBuilder, node: Node, text: str, inputs: dict[str, Any], *, each: bool) -> dict[str, Any]:
    try:
        body = indented(text)
    except SyntaxError:
        _report(builder, node, "The code is not valid Python")
        return placeholder(node.name, node.kind, node.parameters)
    return rawscript("python3", _PYTHON % (body, _PYTHON_EACH if each else _PYTHON_ALL), inputs)


def _report(builder: GraphBuilder, node: Node, message: str) -> None:
    builder.report.add(
        node.name, "not_converted", f"{message}.", "Change the code of the node, which is otherwise unchanged."
    )
