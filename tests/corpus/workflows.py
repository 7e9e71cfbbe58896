"""Workflows of the corpus: file forms, tolerances, kinds of nodes, and scripts that cannot run."""

from __future__ import annotations

import json
from typing import Any

from tests.corpus.cases import Case, Corpus, Fails

VARIANTS = (1, 2, 3)
"""Sizes in which the kinds of nodes are used."""


def add_workflows(corpus: Corpus) -> None:
    """Add all workflows."""
    _forms(corpus)
    _tolerances(corpus)
    for n in VARIANTS:
        _kinds(corpus, n)
    _calls(corpus)


def _code(reference: str, language: str = "python3") -> str:
    return (
        "modules:\n  - id: a # a comment\n    value:\n      type: rawscript\n"
        f"      language: {language}\n      content: {reference}\n      input_transforms:\n"
        "        x: {type: javascript, expr: flow_input.x}\n"
    )


def _forms(corpus: Corpus) -> None:
    python, bash = "def main(x: int):\n    return x + 1\n", 'x="$1"\necho "$x"\n'
    references = {"text": "'!inline %s'", "tag": "!inline %s"}
    for form in (".flow", "__flow"):
        for name, reference in references.items():
            for language, file, content, expected in (("python3", "a.py", python, 3), ("bash", "a.sh", bash, "2")):
                path = f"f/forms/{name}_{language}_{form.strip('._')}{len(form)}"
                corpus.workflow(path, _code(reference % file, language), expected, form, x=2)
                corpus.files[f"{path}{form}/{file}"] = content
    for form in (".flow", "__flow"):
        path = f"f/forms/elsewhere_{form.strip('._')}{len(form)}"
        corpus.workflow(path, _code("'!inline ../shared/plus_one.py'"), 3, form, x=2)
    corpus.script("f/forms/shared/plus_one", "py", python, 5, x=4)
    tree = {"value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}, "unknown": {"kept": True}}
    corpus.files["f/forms/alone_json.flow.json"] = json.dumps(tree)
    corpus.files["f/forms/alone_yaml.flow.yaml"] = "# alone\nvalue: {modules: [{id: a, value: {type: identity}}]}\n"
    corpus.files["f/forms/in_json.flow/flow.json"] = json.dumps(tree)
    for name in ("alone_json", "alone_yaml", "in_json"):
        corpus.workflows.append(Case(f"f/forms/{name}", {"x": 1}, {"x": 1}))
    corpus.workflow("f/forms/отчёт", "modules: [{id: a, value: {type: identity}}]", {}, "__flow")
    for ending in ("__app", ".app", "__raw_app", ".raw_app"):
        corpus.files[f"f/forms/shown{ending}/app.yaml"] = "summary: An app\n"
        corpus.files[f"f/forms/shown{ending}/inline.py"] = "def main(): ...\n"


def _tolerances(corpus: Corpus) -> None:
    node = "modules:\n  - id: a\n    value: {type: rawscript, language: bash, content: echo 1%s}\n"
    more = {
        "nulls": ", lock: null, tag: null, path: null, input_transforms: {x: null}, assets: null",
        "empty_tag": ", tag: ''",
        "empty_lock": ", lock: ''",
        "unknown": ", future_key: {a: [1]}",
        "header_lock": ", lock: '# py: 3.12'",
    }
    for name, members in more.items():
        corpus.workflow(f"f/tolerant/code_{name}", node % members, "1")
    settings = {
        "null_settings": "retry: null\n    sleep: null\n    stop_after_if: null\n    mock: null\n    suspend: null\n",
        "null_timeout": "timeout: {type: static, value: null}\n",
        "bare_timeout": "timeout: 60\n",
        "unused_retry": "retry: {exponential: {attempts: 0, multiplier: 1, seconds: 0, random_factor: 0}}\n",
        "null_retry": "retry: {constant: null, exponential: {attempts: null}}\n",
        "debouncing": "debouncing: {debounce_delay_s: null}\n",
        "erased": "delete_after_use: false\n",
    }
    for name, members in settings.items():
        corpus.workflow(f"f/tolerant/node_{name}", node % "" + f"    {members}", "1")
    empty = "modules: null\nfailure_module: null\npreprocessor_module: null\nsame_worker: null\nnotes: null\n"
    corpus.workflow("f/tolerant/flow_nulls", empty, {})
    code = "modules: [{id: a, value: {type: rawscript, language: python3, content: 'def main(x): return x', "
    imported = "import { flow_input, step } from 'windmill@1-1'\n\n`${flow_input.x}!`"
    inputs = f"input_transforms: {{x: {{type: javascript, expr: {json.dumps(imported)}}}}}}}}}]"
    corpus.workflow("f/tolerant/imported_scope", code + inputs, "b!", x="b")
    required = "\nschema: {type: object, properties: {x: {type: string, required: true}}, required: [x, x]}\n"
    corpus.workflow("f/tolerant/required_twice", "modules: []", {"x": "any"}, x="any")
    corpus.files["f/tolerant/required_twice.flow/flow.yaml"] += required
    pattern = '\nschema: {type: object, properties: {x: {type: string, pattern: "^(?=.*a)b"}}}\n'
    corpus.workflow("f/tolerant/pattern", "modules: []", {"x": "any"}, x="any")
    corpus.files["f/tolerant/pattern.flow/flow.yaml"] += pattern


def _kinds(corpus: Corpus, n: int) -> None:
    items = list(range(n))
    body = (
        "modules:\n        - id: b\n          value:\n            type: rawscript\n            language: python3\n"
        "            content: 'def main(x): return str(x)'\n"
        "            input_transforms: {x: {type: javascript, expr: flow_input.iter.value}}\n"
    )
    loop = "modules:\n  - id: l\n    value:\n      type: forloopflow\n      iterator: {type: static, value: %s}\n"
    for parallel in ("false", "true"):
        value = loop % json.dumps(items) + f"      parallel: {parallel}\n      {body}\n"
        corpus.workflow(f"f/kinds/loop_{parallel}{n}", value, [str(each) for each in items])
    choice = (
        "modules:\n  - id: c\n    value:\n      type: branchone\n      branches:\n"
        "        - {expr: flow_input.n > 1, modules: [{id: many, value: {type: identity}}], label: Many}\n"
        "      default: [{id: few, value: {type: rawscript, language: bash, content: echo few}}]\n"
    )
    corpus.workflow(f"f/kinds/choice{n}", choice, {"n": n} if n > 1 else "few", n=n)
    branches = ", ".join(f"{{modules: [{_echo(f'b{each}', str(each))}]}}" for each in items)
    every = f"modules: [{{id: all, value: {{type: branchall, branches: [{branches}], parallel: true}}}}]"
    corpus.workflow(f"f/kinds/every{n}", every, [str(each) for each in items])
    failing = "{id: a, value: {type: rawscript, language: bash, content: exit 3}%s}"
    handler = "failure_module: {value: {type: rawscript, language: bash, content: echo handled}}"
    corpus.workflow(f"f/kinds/handled{n}", f"modules: [{failing % ''}]\n{handler}", "handled")
    continued = failing % ", continue_on_error: true"
    corpus.workflow(f"f/kinds/continued{n}", f"modules: [{continued}, {_echo('b', str(n))}]", str(n))
    graph = (
        "modules:\n  - {id: c, value: {type: condition, expr: flow_input.n > 1}}\n"
        "  - {id: yes, needs: [{node: c, on: true}], value: {type: rawscript, language: bash, content: echo yes}}\n"
        "  - {id: no, needs: [{node: c, on: false}], value: {type: rawscript, language: bash, content: echo no}}\n"
    )
    answer = "yes" if n > 1 else "no"  # only one of the two sinks ran
    corpus.workflow(f"f/kinds/graph{n}", graph, {answer: answer}, n=n)
    counted = (
        "modules:\n  - id: w\n    stop_after_if: {expr: result.iter.index >= flow_input.n}\n"
        "    value: {type: whileloopflow, skip_failures: false, modules: [{id: i, value: {type: identity}}]}\n"
    )
    places: list[Any] = [{"n": n, "iter": {"index": each, "value": each}} for each in range(n + 1)]
    corpus.workflow(f"f/kinds/counted{n}", counted, places, n=n)


def _echo(node: str, text: str) -> str:
    return f"{{id: {node}, value: {{type: rawscript, language: bash, content: echo {text}}}}}"


def _calls(corpus: Corpus) -> None:
    call = "modules: [{id: a, value: {type: %s, path: %s, input_transforms: {}}}]"
    corpus.workflow("f/calls/a_outer", call % ("flow", "f/calls/b_inner"), 11)
    corpus.workflow("f/calls/b_inner", call % ("script", "f/corpus/py_absolute1"), 11, "__flow")
    corpus.workflow("f/calls/imported", _code("'!inline a.py'"), 3, x=2)
    corpus.files["f/calls/imported.flow/a.py"] = (
        "from f.corpus.py_base1 import add\ndef main(x: int):\n    return add(x)\n"
    )
    corpus.workflow("f/calls/imported_ts", _code("'!inline a.ts'", "bun"), 3, "__flow", x=2)
    corpus.files["f/calls/imported_ts__flow/a.ts"] = (
        'import { add } from "/f/corpus/ts_base1";\nexport function main(x: number) { return add(x); }\n'
    )
    corpus.workflow("f/calls/hub", call % ("script", "hub/7/slack/send"), "sent")
    corpus.workflow("f/calls/no_hub", call % ("script", "hub/8/other"), Fails("hub_unavailable"))
    agent = "modules: [{id: a, value: {type: aiagent, tools: [], input_transforms: {user_message: {type: ai}}}}]"
    corpus.workflow("f/calls/agent", agent, Fails("no_runtime"))
    first = "preprocessor_module: {id: preprocessor, value: {type: script, path: f/triggered/alone_py}}\nmodules: []"
    corpus.workflow("f/calls/preprocessed", first, {"id": 5, "by": "webhook"}, order={"id": 5})
    for language in ("oracledb", "ansible"):
        value = f"modules: [{{id: a, value: {{type: rawscript, language: {language}, content: x}}}}]"
        corpus.workflow(f"f/calls/in_{language}", value, Fails("no_runtime"))
    referring = "modules: [{id: a, value: {type: script, path: f/shell/arguments, input_transforms: {name: %s}}}]"
    value = referring % "{type: static, value: $var:f/corpus/region}"
    corpus.workflow("f/calls/reference", value, "north 2")
    expressions = {"text": "`a${1 + 1}`", "spread": "({...{n: 1}}).n", "optional": "flow_input?.none ?? 4"}
    expressions["locale"] = "(1234.5).toLocaleString('de-DE')"
    expressions["zone"] = "new Date(0).toLocaleTimeString('en-GB', {timeZone: 'Asia/Tokyo'})"
    for name, expr in expressions.items():
        known = {"text": "a2", "spread": "1", "optional": "4", "locale": "1.234,5", "zone": "09:00:00"}
        expected = f"{known[name]} 2"
        quoted = json.dumps(expr)
        corpus.workflow(f"f/calls/expr_{name}", referring % f"{{type: javascript, expr: {quoted}}}", expected)
