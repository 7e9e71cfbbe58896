"""Scripts of the corpus: import forms, lock forms, SDK calls, values, languages."""

from __future__ import annotations

import shutil
from typing import Any

from tests.corpus.cases import Corpus, Fails

LIBRARIES = 6
"""Number of imported scripts of each language in each folder."""

_AS_CODE_PYTHON = """from wmill import task

@task(tag="heavy")
def double(n: int):
    return n * 2

@task
def send(total: int):
    return "OK" if total == 6 else total

def main():
    doubled = [double(n) for n in (1, 2)]
    return [*doubled, send(sum(doubled))]
"""
_AS_CODE_TYPESCRIPT = """import { parallel, step, task, workflow } from "windmill-client";
const double = task(async (n: number) => n * 2);
export const main = workflow(async (n: number = 1) => [
  await parallel([n, 3], double, { concurrency: 1 }),
  await step("n", () => n),
]);
"""


def add_scripts(corpus: Corpus) -> None:
    """Add all scripts."""
    _python_imports(corpus)
    _typescript_imports(corpus)
    _locks(corpus)
    _python_clients(corpus)
    _typescript_clients(corpus)
    _ruby_clients(corpus)
    _python_values(corpus)
    _triggered(corpus)
    _typescript_values(corpus)
    _bash(corpus)
    _without_runtime(corpus)


def _python_imports(corpus: Corpus) -> None:
    for n in range(LIBRARIES):
        library = f"NUMBER = {n}\ndef add(x: int):\n    return x + NUMBER\ndef main():\n    return NUMBER\n"
        for folder in ("f/corpus", "f/other", "u/admin"):
            corpus.script(f"{folder}/py_base{n}", "py", library, n)
        forms = {
            "absolute": (f"from f.corpus.py_base{n} import add", "add"),
            "folder": (f"from f.other import py_base{n} as base", "base.add"),
            "dotted": (f"import f.other.py_base{n}", f"f.other.py_base{n}.add"),
            "user": (f"from u.admin.py_base{n} import add", "add"),
            "sibling": (f"from .py_base{n} import add", "add"),
            "parent": (f"from ..other.py_base{n} import add as plus", "plus"),
        }
        for form, (statement, call) in forms.items():
            content = f"{statement}\n\ndef main(x: int = 10):\n    return {call}(x)\n"
            corpus.script(f"f/corpus/py_{form}{n}", "py", content, 10 + n)
        chain = f"from f.corpus.py_absolute{n} import main as inner\n\ndef main():\n    return [inner(1), inner(2)]\n"
        corpus.script(f"f/corpus/py_chain{n}", "py", chain, [1 + n, 2 + n])


def _typescript_imports(corpus: Corpus) -> None:
    for n in range(LIBRARIES):
        library = f"export const add = (x: number) => x + {n};\nexport function main() {{ return {n}; }}\n"
        for folder in ("f/corpus", "f/other", "u/admin"):
            corpus.script(f"{folder}/ts_base{n}", "ts", library, n)
        forms = {
            "sibling": f"./ts_base{n}",
            "extension": f"./ts_base{n}.ts",
            "parent": f"../other/ts_base{n}",
            "absolute": f"/f/other/ts_base{n}.ts",
            "user": f"/u/admin/ts_base{n}",
        }
        for form, specifier in forms.items():
            content = f'import {{ add }} from "{specifier}";\nexport async function main(x = 10) {{ return add(x); }}\n'
            corpus.script(f"f/corpus/ts_{form}{n}", "bun.ts" if n % 2 else "ts", content, 10 + n)


def _locks(corpus: Corpus) -> None:
    python = "def main():\n    return 'locked'\n"
    typescript = "export function main() { return 'locked'; }\n"
    forms = {
        "empty": "",
        "header": "# py: 3.11\n",
        "bun": "//bun.lock\n",
        "bunb": "{}\n//bun.lockb\nAAAA",
        "deno": '{"version": "4", "remote": {}}',
    }
    for form, lock in forms.items():
        for ending, content in (("py", python), ("ts", typescript)):
            path = f"f/locks/{form}_{ending}"
            corpus.script(path, ending, content, "locked")
            corpus.files[f"{path}.script.lock"] = lock
            corpus.files[f"{path}.script.yaml"] = f"summary: ''\nlock: '!inline {path}.script.lock'\n"
    for ending, content in (("py", python), ("ts", typescript)):
        corpus.script(f"f/locks/missing_{ending}", ending, content, "locked")
        corpus.files[f"f/locks/missing_{ending}.script.yaml"] = "lock: '!inline missing.script.lock'\nunknown: 1\n"
        corpus.script(f"f/locks/listed_{ending}", ending, content, "locked")
        corpus.files[f"f/locks/listed_{ending}.script.json"] = '{"summary": "", "lock": [], "schema": null}'


def _python_clients(corpus: Corpus) -> None:
    calls: dict[str, tuple[str, Any]] = {
        "variable": ("client.get_variable('f/corpus/region')", "north"),
        "resource": ("client.get_resource('f/corpus/shop')", {"url": "north", "n": 1}),
        "workspace": ("client.get_workspace()", "main"),
        "state": ("[client.set_state({'n': 1}), client.get_state()]", [None, {"n": 1}]),
        "missing": ("client.get_resource('f/corpus/none', none_if_undefined=True)", None),
        "script": ("client.run_script_by_path('f/corpus/py_base1')", 1),
        "progress": ("client.set_progress(50)", None),
        "identity": ("len(client.get_id_token('vault.example').split('.'))", 3),
        "file": ("client.get_resource('f/corpus/ini')", {"content": "[a]\nb = 1\n"}),
        "syntax": ("client.parse_variable_syntax('var://f/a/b')", "f/a/b"),
        "user": ("client.user()['username'] if hasattr(client, 'user') else 'admin'", "admin"),
    }
    for name, (call, expected) in calls.items():
        for module in ("wmill", "orvanta"):
            content = f"import {module} as client\n\ndef main():\n    return {call}\n"
            corpus.script(f"f/clients/{module}_{name}", "py", content, expected)
    corpus.script("f/clients/py_as_code", "py", _AS_CODE_PYTHON, [2, 4, "OK"])


def _typescript_clients(corpus: Corpus) -> None:
    calls: dict[str, tuple[str, Any]] = {
        "variable": ('await client.getVariable("f/corpus/region")', "north"),
        "resource": ('await client.getResource("f/corpus/shop")', {"url": "north", "n": 1}),
        "state": ("(await client.setState({ n: 1 }), await client.getState())", {"n": 1}),
        "missing": ('(await client.getResource("f/corpus/none", true)) ?? null', None),
        "script": ('await client.runScriptByPath("f/corpus/ts_base1")', 1),
        "environment": ("process.env.WM_WORKSPACE", "main"),
    }
    for name, (call, expected) in calls.items():
        for package in ("windmill-client", "orvanta-client"):
            content = f'import * as client from "{package}";\nexport async function main() {{ return {call}; }}\n'
            corpus.script(f"f/clients/{package.split('-')[0]}_ts_{name}", "ts", content, expected)
    corpus.script("f/clients/ts_as_code", "ts", _AS_CODE_TYPESCRIPT, [[4, 6], 2], n=2)


def _ruby_clients(corpus: Corpus) -> None:
    """Add scripts with the functions that templates of Ruby scripts require; none without Ruby on this machine."""
    if shutil.which("ruby") is None:
        return
    required = "require 'windmill/mini'\nrequire 'windmill/inline'\n\n"
    calls: dict[str, tuple[str, Any]] = {
        "variable": ('get_variable("f/corpus/region")', "north"),
        "resource": ('get_resource("f/corpus/shop")', {"url": "north", "n": 1}),
        "rescued": ('begin; get_variable("f/corpus/none"); rescue => e; e.message[/status \\d+/]; end', "status 404"),
    }
    for name, (call, expected) in calls.items():
        corpus.script(f"f/clients/ruby_{name}", "rb", f"{required}def main(n = 1)\n  {call}\nend\n", expected)


def _python_values(corpus: Corpus) -> None:
    imports = "import datetime, decimal, enum, uuid\nfrom dataclasses import dataclass\n"
    kinds = (
        "class Size(enum.Enum):\n    SMALL = 's'\n@dataclass\nclass Order:\n    day: datetime.date\n    n: int = 1\n"
    )
    arguments: dict[str, tuple[str, Any, str, Any]] = {
        "datetime": ("datetime.datetime", "2026-02-28T12:00:00Z", "x.hour", 12),
        "date": ("datetime.date", "2026-02-28", "x.month", 2),
        "bytes": ("bytes", "aGk=", "x.decode()", "hi"),
        "enum": ("Size", "s", "x.name", "SMALL"),
        "dataclass": ("Order", {"day": "2026-02-28"}, "[x.day.year, x.n]", [2026, 1]),
        "optional": ("datetime.date | None", None, "x", None),
        "list": ("list[datetime.date]", ["2026-02-28"], "x[0].day", 28),
        "refused": ("datetime.date", "soon", "x", Fails("InvalidArgument")),
    }
    for name, (kind, given, expression, expected) in arguments.items():
        content = f"{imports}{kinds}def main(x: {kind}):\n    return {expression}\n"
        corpus.script(f"f/values/argument_{name}", "py", content, expected, x=given)
    results: dict[str, tuple[str, Any]] = {
        "bytes": ("b'hi'", "aGk="),
        "set": ("{3, 1, 2}", [1, 2, 3]),
        "nan": ("[float('nan'), 1.5]", [None, 1.5]),
        "decimal": ("decimal.Decimal('1.50')", "1.50"),
        "uuid": ("uuid.UUID(int=1)", "00000000-0000-0000-0000-000000000001"),
        "date": ("{'at': datetime.date(2026, 2, 28)}", {"at": "2026-02-28"}),
        "dataclass": ("Order(datetime.date(2026, 2, 28))", {"day": "2026-02-28", "n": 1}),
        "object": ("object()", Fails("ResultNotJson")),
    }
    for name, (expression, expected) in results.items():
        corpus.script(
            f"f/values/result_{name}", "py", f"{imports}{kinds}def main():\n    return {expression}\n", expected
        )


def _triggered(corpus: Corpus) -> None:
    python = "def preprocessor(event):\n    return {'id': event['body']['order']['id'], 'by': event['kind']}\n"
    typescript = "export async function preprocessor(event: any) {\n"
    typescript += "  return { id: event.body.order.id, by: event.kind };\n}\n"
    mains = {
        "py": (python, "def main(id: int, by: str):\n    return [id, by]\n"),
        "ts": (typescript, "export async function main(id: number, by: string) { return [id, by]; }\n"),
    }
    for ending, (preprocessor, main) in mains.items():
        corpus.script(f"f/triggered/both_{ending}", ending, preprocessor + main, [5, "webhook"], order={"id": 5})
        found = {"id": 5, "by": "webhook"}
        corpus.script(f"f/triggered/alone_{ending}", ending, preprocessor, found, order={"id": 5})
    older = {
        "py": "def preprocessor(wm_trigger, order: dict):\n    return {'id': order['id'], 'by': wm_trigger['kind']}\n",
        "ts": """
export async function preprocessor(wm_trigger: { kind: "http" | "webhook"; http?: { path: string } }, order: any) {
  return { id: order.id, by: wm_trigger.kind };
}
""",
    }
    for ending, preprocessor in older.items():
        content = preprocessor + mains[ending][1]
        corpus.script(f"f/triggered/older_{ending}", ending, content, [5, "webhook"], order={"id": 5})


def _typescript_values(corpus: Corpus) -> None:
    content = "export function main(at: Date, days = 1) { return [at.getUTCFullYear(), days]; }\n"
    for ending in ("ts", "fetch.ts"):
        path = f"f/values/date_{ending.replace('.', '_')}"
        corpus.script(path, ending, content, [2026, 1], at="2026-02-28T12:00:00Z")


def _bash(corpus: Corpus) -> None:
    scripts: dict[str, tuple[str, Any]] = {
        "last": ("echo first\necho last", "last"),
        "json": ("echo '{\"a\": [1]}'", {"a": [1]}),
        "file": ("echo no\necho '[1]' > result.json", [1]),
        "out": ("echo no\nprintf 'two\\nlines' > result.out", "two\nlines"),
        "both": ("echo no > result.out\necho '{}' > ./result.json", {}),
        "fails": ("exit 3", Fails("ExitCode")),
    }
    for name, (content, expected) in scripts.items():
        corpus.script(f"f/shell/{name}", "sh", content, expected)
    content = 'name="$1"\ntimes="${2:-2}"\necho "$name $times"'
    corpus.script("f/shell/arguments", "sh", content, "Zoë 2", name="Zoë")


def _without_runtime(corpus: Corpus) -> None:
    endings = ("odb.sql", "playbook.yml")
    for ending in endings:
        name = ending.replace(".", "_")
        corpus.script(f"f/elsewhere/in_{name}", ending, "-- any code\n", Fails("no_runtime"))
    corpus.script("f/elsewhere/in_gql", "gql", "query { any }\n", Fails("NoServer"))
    corpus.script("f/elsewhere/in_deno", "deno.ts", "export function main() { return 1; }\n", 1)
    template = '// import * as wmill from "https://deno.land/x/windmill@v1.85.0/mod.ts"\n\n'
    corpus.script("f/elsewhere/in_deno_template", "deno.ts", f"{template}export function main() {{ return 2; }}\n", 2)
    corpus.script("f/elsewhere/in_fetch", "fetch.ts", "export function main() { return 1; }\n", 1)
    corpus.script("f/elsewhere/отчёт", "py", "def main():\n    return 'отчёт'\n", "отчёт")
    corpus.script("f/hub/7/slack/send", "sh", "echo sent", "sent")
