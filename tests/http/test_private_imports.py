"""Imports of private scripts: every call answers as if the script did not exist."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role

PYTHON = "import os\nfrom {module}.{name} import KEY\n\n\ndef main():\n    return KEY\n"
TYPESCRIPT = 'import {{ KEY }} from "/{folder}/{name}";\nexport function main() {{ return KEY; }}\n'
PRIVATE, MISSING = "secret", "secrez"
HASH = re.compile(r"[0-9a-f]{16,}")
HEADERS_OF_A_CALL = {"x-request-id", "date"}


async def answers(client: httpx.AsyncClient, folder: str, name: str, language: str) -> list[tuple[str, int, str, Any]]:
    """Return the answers to every call that resolves the imports of a script, with `name` replaced by MISSING."""
    template = PYTHON if language == "python3" else TYPESCRIPT
    code = template.format(module=folder.replace("/", "."), folder=folder, name=name)
    content = {"content": code, "language": language}
    value = {"modules": [{"id": "a", "value": {"type": "rawscript", "input_transforms": {}, **content}}]}
    path = "f/open/main"
    change = [{"kind": "script", "path": path, "content": content}]
    planned = await client.post(f"{W}/changes/plan", json={"items": change})
    calls: dict[str, dict[str, Any]] = {
        "scripts/create": {"path": path, "summary": "", **content},
        "jobs/run/preview": {"path": path, "args": {}, **content},
        "jobs/run_wait_result/preview": {"path": path, "args": {}, **content},
        "jobs/run/dependencies_async": {
            "raw_scripts": [{"raw_code": code, "path": path, "language": language}],
            "entrypoint": path,
        },
        "flows/create": {"path": path, "summary": "", "value": value},
        "flows/validate": {"path": path, "summary": "", "value": value},
        "jobs/run/preview_flow": {"path": path, "value": value, "args": {}},
        "jobs/run/flow_dependencies_async": {"path": path, "flow_value": value},
        "changes/apply": {"items": change, "plan_hash": planned.json()["plan_hash"], "message": ""},
    }
    found: list[tuple[str, int, str, Any]] = []
    found.append(("changes/plan", planned.status_code, HASH.sub("", planned.text).replace(name, MISSING), None))
    for call, body in calls.items():
        answer = await client.post(f"{W}/{call}", json=body)
        headers = {key: text for key, text in answer.headers.items() if key not in HEADERS_OF_A_CALL}
        found.append((call, answer.status_code, answer.text.replace(name, MISSING), headers))
    return found


@pytest.mark.parametrize("language", ["python3", "bun"])
async def test_every_call_answers_for_private_import_as_for_missing_one(api: ApiHarness, language: str) -> None:
    ann = await api.member("ann", Role.DEVELOPER)
    await api.client.post(f"{W}/folders/create", json={"name": "open", "owners": ["u/ann"]})
    await api.client.post(f"{W}/folders/create", json={"name": "closed", "owners": []})
    content = "KEY = 'x'\n" if language == "python3" else "export const KEY = 'x';\n"
    for folder in ("f/closed", "u/admin"):
        body = {"path": f"{folder}/{PRIVATE}", "summary": "", "content": content, "language": language}
        assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
        private = await answers(ann, folder, PRIVATE, language)
        assert private == await answers(ann, folder, MISSING, language)
        for call, status, text, _ in private[1:]:
            assert status == (200 if call == "flows/validate" else 400), (call, text)
            assert "import_not_found" in text, (call, text)
