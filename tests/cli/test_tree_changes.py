"""`orvanta push`, `pull` and `status`: what a change of a file means."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.client import Cli

FLOW = """\
# top
summary: Code
value:
  modules:
    - id: a
      value: {type: rawscript, language: bash, content: echo 1, input_transforms: {}}
    - id: b
      value: {type: rawscript, language: bash, content: echo 1, input_transforms: {}}
"""
FOLDER = "summary: Duo\nowners: [u/admin, g/all]\nextra_perms: {u/admin: true, g/all: true}\n"


def schedule(**more: Any) -> str:
    """Return the file of a schedule."""
    needed = {"schedule": "0 0 6 * * *", "timezone": "UTC", "enabled": False, "script_path": "f/duo/code"}
    return json.dumps({**needed, "is_flow": True, "args": {}, **more})


def test_settings_deleted_in_a_file_are_removed(cli: Cli) -> None:
    """Also by a push of somebody who pulled the file, and with null in its place."""
    code = "flow/f/duo/code"
    handlers = {"on_failure": code, "on_recovery": code, "paused_until": "2099-01-01T00:00:00Z"}
    cli.write("ann/f/duo/folder.meta.yaml", FOLDER)
    cli.write("ann/f/duo/code.flow/flow.yaml", FLOW)
    cli.write("ann/f/duo/daily.schedule.json", schedule(**handlers))
    cli("push", "ann")
    cli.write("ann/f/duo/daily.schedule.json", schedule(**handlers | {"on_failure": None}))
    assert "schedule f/duo/daily: updated" in cli("push", "ann").out
    cli("pull", "bob")
    file = cli.folder / "bob/f/duo/daily.schedule.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if "paused" not in line))
    assert "M  schedule f/duo/daily" in cli("status", "bob").out
    cli.write("bob/f/duo/folder.meta.yaml", "summary: Duo\nowners: []\nextra_perms: {u/admin: true}\n")
    assert cli("push", "bob").out == "folder duo: updated\nschedule f/duo/daily: updated\n"
    found = cli.installation.client.get("/api/w/main/schedules/get/f/duo/daily").json()
    assert {name: found.get(name) for name in handlers} == dict.fromkeys(handlers) | {"on_recovery": code}
    folder = cli.installation.client.get("/api/w/main/folders/get/duo").json()
    assert (folder["owners"], folder["extra_perms"]) == ([], {"u/admin": True})
    assert cli("push", "bob").out == "Nothing to do.\n"
