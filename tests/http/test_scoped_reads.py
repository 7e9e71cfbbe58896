"""Every reading route with a token limited to another folder: no data of the first folder is returned."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.conftest import TestDatabase
from tests.http.route_examples import scene_with_examples

from orvanta_platform.control.actor import Role
from orvanta_platform.http import route_rules

SHOWN = "f/team"
ECHOED = "scripts/raw_temp/diff"
"""A call that returns paths from its own body, even of scripts that its caller cannot read."""

READING = [
    (method, path)
    for method, path, rule in route_rules.routes()
    if isinstance(rule, tuple) and rule[1] in ("read", "whoami") and "{workspace}" in path and not path.endswith(ECHOED)
]


async def test_path_scoped_token_sees_nothing_of_other_paths(database: TestDatabase, tmp_path: Path) -> None:
    """This covers lists, searches, counts, histograms, exports and streams; the token's owner is an admin, who can read
    everything.
    """
    assert len(READING) > 60
    wrong = []
    async with scene_with_examples(database, tmp_path) as (stage, examples):
        assert SHOWN in (await stage.client.get("/api/w/main/jobs/list")).text, "without limits it is shown"
        client = await stage.member("lim", Role.ADMIN, scopes=["*:read:f/other/*"])
        for method, path in READING:
            url, body = await examples.request(method, path)
            answer = await asyncio.wait_for(client.request(method, url, json=body), 60)
            if answer.status_code >= 500 or (answer.status_code < 300 and SHOWN in answer.text):
                wrong.append((method, path, answer.status_code, answer.text[:200]))
    assert not wrong, "\n".join(map(str, wrong))
