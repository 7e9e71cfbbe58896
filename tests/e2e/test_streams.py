"""A streamed result, received over the network while the run continues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.installation import Installation

W = "/api/w/main"

# Each script ends only after the reader has received its first word and has created a variable.
WAITING = {
    "python3": """
import json, os, urllib.error, urllib.request
def heard(path):
    url = f"{os.environ['BASE_INTERNAL_URL']}/api/w/{os.environ['OV_WORKSPACE']}/variables/exists/{path}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['OV_TOKEN']}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

def main(path: str):
    yield 'first '
    while not heard(path):
        pass
    yield 'second'
""",
    "bun": """
async function heard(path: string) {
  const { BASE_INTERNAL_URL, OV_WORKSPACE, OV_TOKEN } = process.env;
  const url = `${BASE_INTERNAL_URL}/api/w/${OV_WORKSPACE}/variables/exists/${path}`;
  return await (await fetch(url, { headers: { Authorization: `Bearer ${OV_TOKEN}` } })).json();
}

export async function* main(path: string) {
  yield "first ";
  while (!(await heard(path)));
  yield "second";
}
""",
}


def events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "dedicated"])
@pytest.mark.parametrize("language", WAITING)
@pytest.mark.parametrize("kind", ["p", "f"])
def test_stream_is_received_while_run_continues(
    installation: Installation, language: str, kind: str, kept: bool
) -> None:
    client = installation.client
    name = f"talk_{language}_{kind}_{kept}".lower()
    path, sign = f"f/examples/{name}", f"f/examples/heard_{name}"
    body = {"path": path, "content": WAITING[language], "language": language, "summary": "", "dedicated_worker": kept}
    assert client.post(f"{W}/scripts/create", json=body).status_code == 201
    if kind == "f":
        given = {"path": {"type": "javascript", "expr": "flow_input.path"}}
        module = {"id": "a", "value": {"type": "script", "path": path, "input_transforms": given}}
        path += "_flow"
        made = client.post(f"{W}/flows/create", json={"path": path, "summary": "", "value": {"modules": [module]}})
        assert made.status_code == 201, made.text
    text = ""
    with client.stream("POST", f"{W}/jobs/run_and_stream/{kind}/{path}", json={"path": sign}) as answer:
        assert answer.status_code == 200
        run = answer.headers["x-run-id"]
        for event in events(answer):
            text += event.get("new_result_stream", "")
            if text == "first " and not event["completed"]:
                variable = {"path": sign, "value": "yes", "is_secret": False, "description": ""}
                assert client.post(f"{W}/variables/create", json=variable).status_code in (201, 400, 409)
    assert text == "first second"
    assert client.get(f"{W}/jobs_u/completed/get_result/{run}").json() == text
