"""Import of workflows of other products, with exports and the expected nodes and findings in `exports`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from orvanta_platform.cli.import_workflows import read_integrations
from orvanta_platform.errors import OrvantaError
from orvanta_platform.workflow import document
from orvanta_platform.workflow.importers import kestra, n8n, sql
from orvanta_platform.workflow.importers.findings import Conversion, Report, Unconvertible
from orvanta_platform.workflow.importers.kestra_tasks import CONVERTERS
from orvanta_platform.workflow.importers.kestra_templates import TemplateContext
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.paths import locate
from orvanta_platform.workflow.tree.reading import read
from orvanta_platform.workflow.tree.writing import write_item
from orvanta_platform.workflow.validate import validate

EXPORTS = Path(__file__).parent / "exports"
INTEGRATIONS = read_integrations()
CONVERT: dict[str, Callable[[Any, str, Mapping[str, str]], Conversion]] = {"n8n": n8n.convert, "kestra": kestra.convert}
FILES = sorted(file for file in EXPORTS.glob("*/*") if ".expected" not in file.name)


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def converted(file: Path) -> Conversion:
    tree = document.parse(file.read_bytes(), "json" if file.suffix == ".json" else "yaml").tree
    return CONVERT[file.parent.name](tree, f"f/imported/{file.stem}", INTEGRATIONS)


def flow_tree(item: Item) -> dict[str, Any]:
    return document.parse(item.content["text"].encode(), "yaml").tree


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_export_is_converted(file: Path) -> None:
    """The nodes and findings are as expected, the workflow is valid, and its files can be read again."""
    expected = json.loads(file.with_suffix(".expected.json").read_text())
    found = converted(file)
    tree = flow_tree(found.items[0])
    assert [each["id"] for each in tree["value"]["modules"]] == expected["nodes"]
    findings = sorted({(each.node or "", each.level) for each in found.findings})
    assert findings == sorted((node or "", level) for node, level in expected["findings"]), found.findings
    assert [each for each in validate(tree) if each.severity == "error"] == []
    assert set(names_in(file)) <= {each.node for each in found.findings} | set(summaries_of(tree["value"]))
    for item in found.items:
        files = write_item(item)
        (located,) = locate(files)
        assert read(located, files).key == item.key


def names_in(file: Path) -> list[str]:
    """Return the names of the nodes of an export that do something, and are no manual start."""
    tree = document.parse(file.read_bytes(), "json" if file.suffix == ".json" else "yaml").tree
    if file.parent.name == "n8n":
        starts = ("manualTrigger", "executeWorkflowTrigger", "stickyNote")
        return [each["name"] for each in tree["nodes"] if not each["type"].endswith(starts)]
    return list(tasks_in({name: value for name, value in tree.items() if name != "finally"}))


def tasks_in(value: Any) -> Iterator[str]:
    """Yield the ids of tasks and triggers of Kestra, but not those of lists of tasks or of disabled ones."""
    if isinstance(value, dict):
        kind = str(value.get("type"))
        lists = ("Sequential", "Parallel", "Dag")
        if "id" in value and "." in kind and not kind.endswith(lists) and not value.get("disabled"):
            yield value["id"]
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from tasks_in(each)


def summaries_of(value: Any) -> Iterator[str]:
    """Yield the summaries of nodes, at any depth."""
    if isinstance(value, dict):
        if "id" in value and "summary" in value:
            yield value["summary"]
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from summaries_of(each)


def n8n_workflow(*nodes: dict[str, Any], connections: Any = None) -> dict[str, Any]:
    return {"name": "Bad", "nodes": list(nodes), "connections": connections or {}}


def node(name: Any = "A", kind: Any = "n8n-nodes-base.noOp", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "typeVersion": 1, "position": [0, 0], "parameters": {}, **more}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "no object"),
        ("text", "no object"),
        ({}, "no list of nodes"),
        ({"nodes": {}, "connections": {}}, "no list of nodes"),
        ({"nodes": [], "connections": []}, "no list of nodes"),
        (n8n_workflow({"name": "A"}), "Entry 0"),
        (n8n_workflow(node(), node(7)), "Entry 1"),
        (n8n_workflow(node(), node()), "Two nodes are named 'A'"),
        (n8n_workflow(node(parameters=[])), "parameters of the node 'A'"),
        (n8n_workflow(*[node(f"n{n}") for n in range(5001)]), "at most 5000"),
    ],
)
def test_invalid_export_of_n8n_is_refused(tree: Any, message: str) -> None:
    with pytest.raises(OrvantaError, match=message):
        n8n.convert(tree, "f/imported/bad", INTEGRATIONS)


def test_odd_parameters_of_n8n_are_converted() -> None:
    """Wrong types, unknown operations and long expressions lead to findings, never to an exception."""
    odd: list[Any] = [None, 1, "x", "={{", "={{ $json. }}", "={{ }}", [], [1], {}, {"conditions": [7]}, {"a": [None]}]
    kinds = ("if", "switch", "set", "filter", "httpRequest", "merge", "code", "wait", "postgres", "slack", "emailSend")
    keys = ("conditions", "rules", "assignments", "values", "url", "options", "mode", "operation", "amount", "columns")
    others = (
        "splitOut",
        "limit",
        "aggregate",
        "executeWorkflow",
        "scheduleTrigger",
        "cron",
        "webhook",
        "manualTrigger",
    )
    links = {kind: {"main": [[{"node": "A"}], [{"node": "A", "index": 0}]]} for kind in kinds}
    for value in odd:
        settings = dict.fromkeys((*keys, "workflowId", "rule", "triggerTimes", "query", "jsCode", "path"), value)
        nodes = [node(kind, f"n8n-nodes-base.{kind}", parameters=settings) for kind in (*kinds, *others)]
        start = {"manualTrigger": {"main": [None, [{"node": kind} for kind in (*kinds, *others[:4])]]}}
        found = n8n.convert(
            n8n_workflow(*nodes, node(), connections={**start, **links}), "f/imported/odd", INTEGRATIONS
        )
        assert {each.node for each in found.findings} >= {"slack", "postgres"}


def test_cycles_of_n8n_are_cut() -> None:
    """A finding names a node of the cycle; endless loops and self-loops are converted."""
    links = {
        name: {"main": [[{"node": other, "type": "main", "index": 0}]]} for name, other in (("A", "B"), ("B", "A"))
    }
    found = n8n.convert(n8n_workflow(node("A"), node("B"), connections=links), "f/imported/cycle", INTEGRATIONS)
    assert [(each.node, each.level) for each in found.findings] == [("B", "not_converted")]
    loop = node("L", "n8n-nodes-base.splitInBatches")
    links = {"L": {"main": [[{"node": "L", "type": "main", "index": 0}]]}}
    assert n8n.convert(n8n_workflow(loop, connections=links), "f/imported/loop", INTEGRATIONS).nodes == 1


def test_nested_loops_of_n8n_are_limited() -> None:
    nodes = [node(f"L{n}", "n8n-nodes-base.splitInBatches", typeVersion=3) for n in range(40)]
    links = {f"L{n}": {"main": [[], [{"node": f"L{n + 1}", "type": "main", "index": 0}]]} for n in range(39)}
    with pytest.raises(OrvantaError, match="nested deeper than 20 levels"):
        n8n.convert(n8n_workflow(*nodes, connections=links), "f/imported/deep", INTEGRATIONS)


def test_texts_of_an_export_are_no_references() -> None:
    """A constant that looks like a reference to a secret remains a text."""
    rows = {"assignments": {"assignments": [{"name": "x", "value": "$var:f/secret/key", "type": "string"}]}}
    request = node("R", "n8n-nodes-base.httpRequest", parameters={"url": "$var:f/secret/key"})
    tree = n8n_workflow(node("S", "n8n-nodes-base.set", typeVersion=3.4, parameters=rows), request)
    modules = flow_tree(n8n.convert(tree, "f/imported/secret", INTEGRATIONS).items[0])["value"]["modules"]
    assert modules[0]["value"]["input_transforms"]["value"]["type"] == "javascript"
    assert modules[1]["value"]["url"] == {"type": "javascript", "expr": '("$var:f/secret/key")'}


KEY = "variable('f/prod/key')"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{{{{ {KEY} }}}}", None),
        ("{{ resource\u00a0('f/prod/db') }}", None),
        ("{{ [...results.other] }}", None),
        ("{{ vari\\u0061ble('f/prod/key') }}", None),
        ("{{ 1 ? previous_result : eval('1') }}", None),
        (f"{{{{ {{x: {KEY}}} }}}}", None),
        (f"{{{{ x }} \" ${{{KEY}}} \" }}}}", None),
        (f"{{{{ }} }}}} {{{{ 1/* }}}}*/ + {KEY} /*{{{{*/ }}}}", None),
        (f"{{{{ 1 /'/' + {KEY} + '/' }}}}", None),
        ("{{ [1].map(a => { if (a) /'/.test(a); return variable(\"f/prod/key\") + '' }) }}", None),
        ("{{ vari\ue003able('f/prod/key') }}", None),
        ("{{ [() => $items('N', `) ` + `, variable('f/prod/key'), ( ` + `//`\n)][1] }}", None),
        ("{{ [() => $(`N\\`).first() ` + `, variable('f/prod/key'), ( ` + `//`\n)][1] }}", None),
        ("{{ [() => $(`N${`).first() ` + `, variable('f/prod/key'), ( ` + `//`}`\n)][1] }}", None),
        ("{{ vari/**/able('f/prod/key') }}", "(vari able('f/prod/key'))"),
        ("{{ [...$json.list] }}", "([...flow_input.list])"),
        ("{{ $json.resource + $json?.variable }}", "(flow_input.resource + flow_input?.variable)"),
        ("{{ ({error: $json.error, 'resource': 'a variable'}) }}",
         "(({error: flow_input.error, 'resource': 'a variable'}))"),
        ("{{ $json.rows.map((error, n) => error.x / n) }}", "(flow_input.rows.map((error, n) => error.x / n))"),
    ],
)  # fmt: skip
def test_names_of_the_platform_are_not_names_of_n8n(text: str, expected: str | None) -> None:
    """Names in an export open no variable and read no other value of the run, even in texts and member names."""
    rows = {"assignments": {"assignments": [{"name": "x", "value": f"={text}", "type": "string"}]}}
    names = ["N", "N\\", "N${", "S"]
    nodes = [node(name, f"n8n-nodes-base.{'set' if name == 'S' else 'noOp'}", parameters=rows) for name in names]
    links = {one: {"main": [[{"node": two}]]} for one, two in pairwise(names)}
    found = n8n.convert(n8n_workflow(*nodes, connections=links), "f/a/b", INTEGRATIONS)
    expr = flow_tree(found.items[0])["value"]["modules"][-1]["value"]["input_transforms"]["value"]["expr"]
    assert found.complete == (expected is not None)
    assert f'"x": {expected or "(() => { throw "}' in expr


def test_mail_and_messages_are_the_scripts_of_the_integrations() -> None:
    """The nodes of all products use the code offered by the editor, and lists of addresses."""
    folder = Path(__file__).parents[3] / "examples" / "integrations"
    mail = {"toEmail": "a@example.org, b@example.org", "ccEmail": "={{ $json.cc }}", "fromEmail": "c@example.org"}
    tree = n8n_workflow(
        node("Mail", "n8n-nodes-base.emailSend", parameters={**mail, "html": "<p>Text</p>"}),
        node("Slack", "n8n-nodes-base.slack", parameters={"channel": "#orders", "text": "Text"}),
    )
    sent, posted = (
        each["value"] for each in flow_tree(n8n.convert(tree, "f/a/b", INTEGRATIONS).items[0])["value"]["modules"]
    )
    code = (folder / "send_mail.py").read_text()
    assert (sent["content"], posted["content"]) == (code, (folder / "slack_message.py").read_text())
    assert sent["input_transforms"]["to"] == {"type": "static", "value": ["a@example.org", "b@example.org"]}
    assert sent["input_transforms"]["cc"]["expr"].startswith("[(flow_input.cc)].flat().join(',').split(',')")
    assert sent["input_transforms"]["text"] == {"type": "static", "value": ""}
    kind = "io.kestra.plugin.notifications.mail.MailSend"
    converted_flow = kestra.convert(flow(task("m", kind, to="a@example.org", subject="S")), "f/a/b", INTEGRATIONS)
    (module,) = flow_tree(converted_flow.items[0])["value"]["modules"]
    assert module["value"]["content"] == code
    assert module["value"]["input_transforms"]["to"] == {"type": "static", "value": ["a@example.org"]}


@pytest.mark.parametrize(
    ("trigger", "text", "expected"),
    [
        ("manualTrigger", "{{ $json.query }}", "(flow_input.query)"),
        ("manualTrigger", "{{ $('Start').item.json.headers }}", "(flow_input.headers)"),
        ("webhook", "{{ $json.query.id }}", "(flow_input.id)"),
        ("webhook", "{{ $json['params'].id + $json.body.query }}", "(flow_input.id + flow_input.body.query)"),
        ("webhook", "{{ $('Start').first().json.query.id }}", "(flow_input.id)"),
        ("webhook", "{{ $json.headers.host }}", None),
        ("webhook", "{{ $json[\"query + variable('x') //\"]\n }}", "(flow_input[\"query + variable('x') //\"])"),
    ],
)
def test_only_a_webhook_of_n8n_has_a_request(trigger: str, text: str, expected: str | None) -> None:
    """Its query and route parameters are inputs of the run; in other items, such names are ordinary members."""
    rows = {"assignments": {"assignments": [{"name": "x", "value": f"={text}", "type": "string"}]}}
    tree = n8n_workflow(
        node("Start", f"n8n-nodes-base.{trigger}"),
        node("S", "n8n-nodes-base.set", typeVersion=3.4, parameters=rows),
        connections={"Start": {"main": [[{"node": "S", "type": "main", "index": 0}]]}},
    )
    found = n8n.convert(tree, "f/a/b", INTEGRATIONS)
    expr = flow_tree(found.items[0])["value"]["modules"][0]["value"]["input_transforms"]["value"]["expr"]
    assert expected is None or expr == f'({{"x": {expected}}})'
    assert found.complete == (expected is not None)


def test_triggers_are_disabled_and_closed() -> None:
    """HTTP triggers require a token, their routes contain no key, and pushing an import starts no run."""
    hook = task("on call", "io.kestra.plugin.core.trigger.Webhook", key="SECRET")
    timed = task("t", "io.kestra.plugin.core.trigger.Schedule", cron="@daily")
    found = kestra.convert(flow(task(), triggers=[hook, timed]), "f/a/b", INTEGRATIONS)
    paths = ["../../api/r/x", "orders/:id/ü b", "/", 7]
    webhooks = [node(f"W{n}", "n8n-nodes-base.webhook", parameters={"path": path}) for n, path in enumerate(paths)]
    nodes = [*webhooks, node("T", "n8n-nodes-base.scheduleTrigger")]
    other = n8n.convert({**n8n_workflow(*nodes), "active": True}, "f/a/b", INTEGRATIONS)
    items = [*found.items[1:], *other.items[1:]]
    triggers = [each.content for each in items if each.kind == "http_trigger"]
    assert [each["route_path"] for each in triggers] == ["bad/on-call", "api/r/x", "orders/:id/b", "w2", "7"]
    assert {(each["mode"], each["authentication_method"]) for each in triggers} == {("disabled", "orvanta")}
    assert [each.content["enabled"] for each in items if each.kind == "schedule"] == [False, False]
    prepared = [(each.node, each.hint) for each in (*found.findings, *other.findings) if each.level == "prepare"]
    assert [name for name, hint in prepared if "push" in hint] == ["on call", "t", "W0", "W1", "W2", "W3", "T"]


def test_converted_webhook_of_n8n_has_a_form_and_no_positions() -> None:
    """In the schema the body is an object; node positions of the other product are omitted."""
    hook = node("W", "n8n-nodes-base.webhook", parameters={"httpMethod": "POST", "path": "x"})
    links = {"W": {"main": [[{"node": "A", "type": "main", "index": 0}]]}}
    tree = flow_tree(n8n.convert(n8n_workflow(hook, node(), connections=links), "f/a/b", INTEGRATIONS).items[0])
    assert tree["schema"]["properties"]["body"]["type"] == "object"
    assert [each["id"] for each in tree["value"]["modules"]] == ["a"] and "ui" not in tree["value"]


def test_placeholders_are_warnings() -> None:
    """`orvanta lint` reports nodes and expressions that the import could not convert, until they are written."""
    script = "def main(a):\n    return a\n"
    rows = {"assignments": {"assignments": [{"name": "x", "value": "={{ $vars.x }}", "type": "string"}]}}
    nodes = [node("Don't", "n8n-nodes-base.odd"), node("S", "n8n-nodes-base.set", parameters=rows), node("N")]
    tree = flow_tree(n8n.convert(n8n_workflow(*nodes), "f/a/b", INTEGRATIONS).items[0])
    found = [(each.code, each.severity, each.node) for each in validate(tree)]
    assert found == [("not_converted", "warning", "s"), ("not_converted", "warning", "don_t")]
    tree["value"]["modules"][0]["value"]["content"] = script
    tree["value"]["modules"][1]["value"]["input_transforms"]["value"]["expr"] = "'Not converted: x'"
    assert [each.code for each in validate(tree)] == []


def test_settings_of_n8n_without_an_equivalent_are_named() -> None:
    """A part that is left out is a finding of its node, even if the node itself is converted."""
    request = {"url": "https://a.test", "options": {"timeout": 2500, "proxy": "http://p.test", "redirect": {}}}
    hook = {"httpMethod": ["POST", "PUT"], "path": "x", "options": {"rawBody": True}}
    answer = {"respondWith": "noData", "options": {"responseHeaders": {"entries": [{"name": "a", "value": "b"}]}}}
    mail = {"toEmail": "a@b.test", "options": {"attachments": "file", "appendAttribution": False}}
    inserted = {
        "operation": "insert",
        "schema": {"value": "shop"},
        "table": {"value": "t"},
        "columns": {"value": {"a": 1}},
    }
    nodes = [
        node("Hook", "n8n-nodes-base.webhook", parameters=hook),
        node("Get", "n8n-nodes-base.httpRequest", parameters=request),
        node("Mail", "n8n-nodes-base.emailSend", parameters=mail),
        node("Inbox", "n8n-nodes-base.gmail", parameters={"operation": "getAll", "limit": 5}),
        node("Post", "n8n-nodes-base.slack", parameters={"messageType": "block", "blocksUi": "[]"}),
        node("Insert", "n8n-nodes-base.postgres", parameters=inserted),
        node("Answer", "n8n-nodes-base.respondToWebhook", parameters=answer),
        node("Off", "n8n-nodes-base.httpRequest", parameters=request, disabled=True),
    ]
    links = {one["name"]: {"main": [[{"node": two["name"]}]]} for one, two in pairwise(nodes)}
    found = n8n.convert(n8n_workflow(*nodes, connections=links), "f/a/b", INTEGRATIONS)
    missing = {each.node: each.message for each in found.findings if each.level == "not_converted"}
    assert missing == {
        "Hook": "Without an equivalent: options.rawBody.",
        "Get": "Without an equivalent: options.proxy.",
        "Mail": "Without an equivalent: options.attachments.",
        "Inbox": "The operation getAll has no equivalent.",
        "Post": "A message of blocks or attachments has no equivalent.",
        "Answer": "Without an equivalent: options.responseHeaders.",
    }
    assert any("several methods" in each.message for each in found.findings)
    modules = {each["id"]: each for each in flow_tree(found.items[0])["value"]["modules"]}
    assert modules["get"]["timeout"] == {"type": "static", "value": 2}
    assert "INSERT INTO shop.t " in modules["insert"]["value"]["modules"][0]["value"]["content"]


def test_pages_of_triggers_of_n8n_are_named() -> None:
    for kind in ("formTrigger", "chatTrigger"):
        tree = n8n_workflow(node("Start", f"n8n-nodes-base.{kind}", parameters={"formTitle": "Order"}), node())
        found = n8n.convert({**tree, "connections": {"Start": {"main": [[{"node": "A"}]]}}}, "f/a/b", INTEGRATIONS)
        assert [(each.node, each.level) for each in found.findings] == [("Start", "not_converted")]


@pytest.mark.parametrize(("trigger", "complete"), [("webhook", False), ("manualTrigger", True)])
def test_code_of_n8n_that_reads_a_request_is_named(trigger: str, complete: bool) -> None:
    tree = n8n_workflow(
        node("Start", f"n8n-nodes-base.{trigger}"),
        node("C", "n8n-nodes-base.code", parameters={"jsCode": "return [{json: $('Start').first().json.query}]"}),
        connections={"Start": {"main": [[{"node": "C", "type": "main", "index": 0}]]}},
    )
    assert n8n.convert(tree, "f/a/b", INTEGRATIONS).complete is complete


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = '{{x}}' AND b = {{y}}", ("a = $1 AND b = $2", ["X", "Y"])),
        ("a = 'v{{x}}' AND b IN ('{{y}}','{{z}}')",
         ("a = 'v' || $1 || '' AND b IN ($2,$3)", ["String(X)", "Y", "Z"])),
        ("'it''s {{x}}' {{y}}", ("'it''s ' || $1 || '' $2", ["String(X)", "Y"])),
    ],
)  # fmt: skip
def test_parameter_replaces_the_quotes_around_its_template(text: str, expected: tuple[str, list[str]]) -> None:
    assert sql.parameters(text, str.upper) == expected


def task(id: Any = "a", kind: Any = "io.kestra.plugin.core.log.Log", **more: Any) -> dict[str, Any]:
    return {"id": id, "type": kind, **more}


def flow(*tasks: Any, **more: Any) -> dict[str, Any]:
    return {"id": "bad", "namespace": "company", "tasks": list(tasks), **more}


def test_properties_of_kestra_without_an_equivalent_are_named() -> None:
    options = {"connectTimeout": "PT5S", "auth": {"type": "BASIC"}}
    call = task("call", "io.kestra.plugin.core.http.Request", uri="https://a.test", options=options, timeout="PT3S")
    other = task(
        "other", "io.kestra.plugin.core.flow.Subflow", namespace="n", flowId="x", revision=3, transmitFailed=False
    )
    each = task(
        "each",
        "io.kestra.plugin.core.flow.ForEach",
        values=[1],
        tasks=[task("line", logLevel="INFO")],
        errors=[task("e")],
    )
    timed = task("t", "io.kestra.plugin.core.trigger.Schedule", cron="@daily", recoverMissedSchedules="NONE")
    rows = [
        {"id": "n", "type": "INT", "min": 1, "max": 9, "defaults": 2, "required": True, "dependsOn": {"inputs": ["m"]}}
    ]
    tree = flow(call, other, each, triggers=[timed], inputs=rows, labels={"team": "shop"}, retry={"type": "constant"})
    found = kestra.convert(tree, "f/a/b", INTEGRATIONS)
    missing = [(each.node, each.message) for each in found.findings if each.level == "not_converted"]
    assert missing == [
        ("call", "Without an equivalent: options.connectTimeout."),
        ("other", "Without an equivalent: revision."),
        ("each", "Without an equivalent: errors."),
        (None, "The property retry has no equivalent."),
        ("n", "Without an equivalent: dependsOn."),
        ("t", "Without an equivalent: recoverMissedSchedules."),
    ]
    document = flow_tree(found.items[0])
    assert document["labels"] == ["team: shop"]
    assert document["schema"]["properties"]["n"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 2}


def nested(levels: int) -> dict[str, Any]:
    found = task("last")
    for level in range(levels):
        found = task(f"s{level}", "io.kestra.plugin.core.flow.Sequential", tasks=[found])
    return found


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "no flow of Kestra"),
        ({"id": "x"}, "no flow of Kestra"),
        ({"id": 1, "tasks": []}, "no flow of Kestra"),
        (flow(task(), 7), "Entry 1"),
        (flow(task(kind=None)), "Entry 0"),
        (flow(task(), task()), "Two tasks have the id 'a'"),
        (flow(nested(40)), "'s9' is nested deeper than 30 levels"),
        (flow(*[task(f"t{n}") for n in range(5001)]), "more than 5000 tasks"),
        (
            flow(task("d", "io.kestra.plugin.core.flow.Dag", tasks=[{"task": task(), "dependsOn": ["a"]}])),
            "'d' depend on each other: a",
        ),
        (
            flow(task("d", "io.kestra.plugin.core.flow.Dag", tasks=[{"task": task(), "dependsOn": ["ghost"]}])),
            "'d' depend on 'ghost', which it lacks",
        ),
    ],
)
def test_invalid_flow_of_kestra_is_refused(tree: Any, message: str) -> None:
    with pytest.raises(OrvantaError, match=message):
        kestra.convert(tree, "f/imported/bad", INTEGRATIONS)


def test_odd_properties_of_kestra_are_converted() -> None:
    odd: list[Any] = [None, 1, "x", "{{", "{{ inputs. }}", "{{ " + "(" * 300 + " }}", [], [1], {}, {"a": [None]}]
    kinds = [*CONVERTERS, *("flow.If", "flow.Switch", "flow.Parallel", "flow.Dag", "flow.ForEach", "flow.AllowFailure")]
    keys = ("message", "format", "values", "uri", "headers", "script", "commands", "condition", "sql", "retry")
    more = ("timeout", "runIf", "inputs", "flowId", "onResume", "env", "options", "formData", "body", "then", "tasks")
    for value in odd:
        settings = {
            name: value for name in (*keys, *more) if name not in ("tasks", "then") or not isinstance(value, list)
        }
        rows = [task(f"t{place}", f"io.kestra.plugin.core.{kind}", **settings) for place, kind in enumerate(kinds)]
        tree = flow(*rows, inputs=value, variables=value, outputs=value, triggers=value, concurrency=value)
        assert kestra.convert(tree, "f/imported/odd", INTEGRATIONS).nodes == len(kinds)


def test_constants_of_kestra_are_no_references() -> None:
    """A variable or an input of a schedule that looks like a reference to a secret does not open it."""
    variables = {"key": "$var:f/secret/key", "plain": 1, "deep": {"a": ["$res:f/secret/db"]}}
    trigger = task("t", "io.kestra.plugin.core.trigger.Schedule", cron="@daily", inputs={"k": variables["key"], "n": 1})
    message = "{{ vars.key }} {{ vars.plain }} {{ vars.deep.a }}"
    found = kestra.convert(flow(task(message=message), variables=variables, triggers=[trigger]), "f/a/b", INTEGRATIONS)
    value = flow_tree(found.items[0])["value"]
    assert value["flow_env"] == {"plain": 1}
    expr = value["modules"][0]["value"]["input_transforms"]["message"]["expr"]
    assert '${("$var:f/secret/key")} ${flow_env.plain}' in expr and '({"a": ["$res:f/secret/db"]}).a' in expr
    assert found.items[1].content["args"] == {"n": 1}
    assert [(each.node, each.level) for each in found.findings] == [("t", "not_converted"), ("t", "prepare")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ inputs.n + 1 > 2 and not (inputs.n == 5) }}", "(((flow_input.n + 1) > 2) && !((flow_input.n === 5)))"),
        ("{{ inputs.s | default('x') | upper }}",
         "String((v => (v ?? '') === '' ? \"x\" : v)(flow_input?.s)).toUpperCase()"),
        ("{{ inputs.o.a['b-c'][0] }}", 'flow_input.o.a["b-c"][0]'),
        ("{{ inputs.n is defined ? 'y' : 'n' }}", '((flow_input?.n != null) ? "y" : "n")'),
        ("{{ ['a', 'b'] contains inputs.s }}", '(["a", "b"]).includes(flow_input.s)'),
        ("{{ range(1, 3) | first }}",
         "(((from, to) => Array.from({length: to - from + 1}, (_, n) => from + n))(1, 3)).at?.(0)"),
        ("{{ inputs.o.a.b ?? inputs.o.c }}", "(flow_input?.o?.a?.b ?? flow_input?.o?.c)"),
        ("{{ inputs.s | date(\"'${variable(`f/a`)}'yyyy$\") }}",
         "((iso) => `\\${variable(\\`f/a\\`)}${iso.slice(0, 4)}\\$`)(new Date(flow_input.s).toISOString())"),
        ("a {{ inputs.s }} `${x}`", "`a ${flow_input.s} \\`\\${x}\\``"),
        ("{{ [10, 9] | sort }}", "[...([10, 9])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))"),
        ("{{ max(1, 2, inputs.n) }}", "Math.max(1, 2, flow_input.n)"),
        ("{{ inputs.s | date('yyyy', timeZone='Asia/Tokyo') }}",
         "((iso) => `${iso.slice(0, 4)}`)(new Date(flow_input.s).toLocaleString('sv', {timeZone: \"Asia/Tokyo\"}))"),
        ("{{ secret(key='X') }}", 'variable("f/a/x")'),
        ("{{ trigger.parameters.q[0] }}", "[flow_input.q].flat()[0]"),
    ],
)  # fmt: skip
def test_template_of_kestra(text: str, expected: str) -> None:
    inputs = {"n": {"type": "INT"}, "s": {"type": "STRING"}, "o": {"type": "JSON"}}
    assert TemplateContext(Report("f/a/b"), {}, inputs, {}).template(text).text == expected


@pytest.mark.parametrize(
    "text",
    ["{{ }}", "{{ inputs.x }}", "{{ inputs.n | unknown }}", "{{ outputs.a.value }}", "{{ taskrun.value }}", "{{ 1 2 }}",
     "{{ 'a }}", "{{ inputs.n | default(1) | default(2) | nothing }}", "{{ uuid() }}", "{% if true %}{% endif %}",
     "{{ inputs.n | date('yyyy', 'MM') }}", "{{ inputs.n | date(timeZone='UTC', locale='de') }}",
     "{{ now(timeZone='UTC') }}",
     "{{ inputs.n | upper(1) }}", "{{ now(1) }}", "{{ inputs.n | default(1, 2) }}", "{{ kv('X', namespace='y') }}",
     "{{ " + "not " * 3000 + "1 }}"],
)  # fmt: skip
def test_template_without_equivalent_is_named(text: str) -> None:
    with pytest.raises(Unconvertible):
        TemplateContext(Report("f/a/b"), {}, {"n": {"type": "INT"}}, {}).template(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 35 + "inputs.n" + " | default(1))" * 35 + " }}",
        "{{ " + "(" * 35 + "inputs.n" + " ?? 1)" * 35 + " }}",
        "{{ " + "(" * 30 + "inputs.n" + " is empty)" * 30 + " }}",
        "{{ render(vars.v0) }}",
        "{{ " + " or ".join(["inputs.n"] * 3000) + " }}",
        "{{ { " * 10_000,
    ],
)
def test_size_of_converted_templates_is_limited(text: str) -> None:
    """The output for nested templates does not double with each level, and the time is not exponential."""
    variables = {f"v{n}": f"{{{{ render(vars.v{n + 1}) }}}}" * 20 for n in range(6)}
    names = TemplateContext(Report("f/a/b"), {}, {"n": {"type": "INT"}}, variables)
    assert len(names.expr("a", text)) < 300_000


def test_connections_of_n8n_are_limited() -> None:
    names = [f"n{n}" for n in range(300)]
    links = {name: {"main": [[{"node": other} for other in names]]} for name in names}
    with pytest.raises(OrvantaError, match="more than 20000 connections"):
        n8n.convert(n8n_workflow(*map(node, names), connections=links), "f/imported/dense", INTEGRATIONS)
    nodes = [node(f"{side}0", "n8n-nodes-base.set") for side in range(3)]
    links = {}
    for level in range(30):
        nodes += [node(f"{side}{level + 1}") for side in range(3)]
        for side in range(3):
            ends = [{"node": f"{other % 3}{level + 1}"} for other in (side, side + 2)]
            links[f"{side}{level}"] = {"main": [ends]}
    with pytest.raises(OrvantaError, match="Too many connections lead to the node"):
        n8n.convert(n8n_workflow(*nodes, connections=links), "f/imported/double", INTEGRATIONS)
