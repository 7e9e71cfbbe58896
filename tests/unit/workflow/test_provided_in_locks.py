"""Locks of other tools, which list clients that the platform provides."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orvanta_platform.workflow.requirements import Requirements
from orvanta_platform.workflow.requirements.provided import without_provided

PYTHON = "# py: 3.12\nhttpx==0.28.1\nwmill==1.684.1\nwmill-tools==1.0\n"
CLIENT = ["windmill-client@1.2.3", "", {}, "sha512-AA=="]
DAYJS = ["dayjs@1.11.0", "", {}, "sha512-BB=="]


def npm(packages: dict[str, Any]) -> str:
    direct = dict.fromkeys(packages, "latest")
    tree = {"lockfileVersion": 1, "workspaces": {"": {"dependencies": direct}}, "packages": packages}
    return f"{json.dumps({'dependencies': direct})}\n//bun.lock\n{json.dumps(tree)}\n"


def test_line_of_client_is_left_out_unless_the_script_requires_it() -> None:
    assert without_provided("python", PYTHON, None) == "# py: 3.12\nhttpx==0.28.1\nwmill-tools==1.0\n"
    required = Requirements("python", (("wmill", "==1.684.1"),))
    assert without_provided("python", PYTHON, required) == PYTHON
    hashed = "wmill==1.684.1 \\\n    --hash=sha256:aa\n"
    assert without_provided("python", hashed, None) == hashed


def test_client_is_left_out_of_a_bun_lock() -> None:
    assert without_provided("npm", npm({"windmill-client": CLIENT}), None) == ""
    both = npm({"dayjs": DAYJS, "windmill-client": CLIENT})
    manifest, _, tree = without_provided("npm", both, None).partition("//bun.lock\n")
    assert json.loads(manifest) == {"dependencies": {"dayjs": "latest"}}
    assert json.loads(tree)["packages"] == {"dayjs": DAYJS}
    assert json.loads(tree)["workspaces"] == {"": {"dependencies": {"dayjs": "latest"}}}
    required = Requirements("npm", (("windmill-client", "1.2.3"),))
    assert without_provided("npm", both, required) == both


@pytest.mark.parametrize(
    "lock",
    [
        npm({"windmill-client": ["windmill-client@1.2.3", "", {"dependencies": {"a": "1"}}, "sha512-AA=="]}),
        npm({"dayjs": DAYJS}),
        '{"dependencies": {"windmill-client": "latest"}}\n//bun.lock\n[]\n',
        '{"dependencies": {"windmill-client": "latest"}}\n//bun.lock\n',
        "windmill-client",
        "",
    ],
)
def test_other_npm_locks_are_unchanged(lock: str) -> None:
    assert without_provided("npm", lock, None) == lock
