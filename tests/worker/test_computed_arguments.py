"""The arguments that a script's preprocessor computed are in the log of its run, without secrets and passwords."""

from __future__ import annotations

import json

import pytest
from tests.http.harness import W
from tests.worker.test_masked_jobs import FETCH, SECRET, House
from tests.worker.test_masked_jobs import house as house

LINE = "[orvanta] main receives from the preprocessor: "
SCRIPTS = {
    "python3": (
        f"{FETCH}\ndef preprocessor(event):\n    print('before')\n    order = event['body']['order']\n"
        "    return {'id': order, 'pin': f'pin {order}', 'key': get('variables/get_value/f/team/pw')}\n"
        "def main(id, pin, key):\n    print('after')\n    return [id, pin]\n"
    ),
    "bun": """
export async function preprocessor(event: any) {
  console.log("before");
  const url = `${process.env.BASE_INTERNAL_URL}/api/w/${process.env.OV_WORKSPACE}/variables/get_value/f/team/pw`;
  const found = await fetch(url, { headers: { Authorization: `Bearer ${process.env.OV_TOKEN}` } });
  const { order } = event.body;
  return { id: order, pin: `pin ${order}`, key: await found.json() };
}
export function main(id: number, pin: string, key: string) { console.log("after"); return [id, pin]; }
""",
}
SCHEMA = {"type": "object", "properties": {"id": {}, "pin": {"type": "string", "password": True}, "key": {}}}


async def log_of(house: House, path: str) -> str:
    answer = await house.api.client.post(f"{W}/jobs/run_wait_result/p/{path}", json={"order": 7})
    assert answer.status_code == 200, answer.text
    return (await house.api.client.get(f"{W}/jobs_u/get_logs/{answer.headers['x-run-id']}")).text


@pytest.mark.parametrize("language", SCRIPTS)
async def test_log_shows_what_preprocessor_passes_to_main(house: House, language: str) -> None:
    await house.secret()
    path = "f/team/prepared"
    script = {"path": path, "summary": "", "content": SCRIPTS[language], "language": language, "schema": SCHEMA}
    answer = await house.api.client.post(f"{W}/scripts/create", json=script)
    assert answer.status_code == 201, answer.text
    log = await log_of(house, path)
    shown = next(line.removeprefix(LINE) for line in log.splitlines() if line.startswith(LINE))
    assert json.loads(shown) == {"id": 7, "pin": "***", "key": "***"}
    assert log.index("before") < log.index(LINE) < log.index("after")
    assert SECRET not in log


async def test_log_has_no_such_line_without_event(house: House) -> None:
    content = "def preprocessor(event):\n    return {'x': 'y' * 5000}\ndef main(x):\n    return len(x)\n"
    _, result, log, _ = await house.run(content, {"x": "abc"})
    assert (result, log) == (3, "")
    _, result, log, _ = await house.run(content, {"event": {"kind": "webhook"}})
    assert result == 5000 and log.startswith(f'{LINE}{{"x":"yyy') and log.endswith("yyy…\n") and len(log) < 2100


async def test_output_that_imitates_host_is_not_shown_unless_it_is_an_object(house: House) -> None:
    content = "def main(lines):\n    for line in lines:\n        print('\\x1eOV_ARGUMENTS: ' + line)\n"
    for lines, shown in ((["[1]"], ""), (['{"a": '], ""), (["{}", '{"a": 1}'], f"{LINE}{{}}\n")):
        _, _, log, _ = await house.run(content, {"lines": lines})
        assert log == shown
