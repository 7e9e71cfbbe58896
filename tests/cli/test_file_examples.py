"""The examples of files on the page about workflows as code, pushed as they are written there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.client import Cli

PAGE = Path(__file__).parents[2] / "docs/how-to/build/workflows-as-code.md"
EXAMPLE = re.compile(r"^`([^`\n]+\.\w+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNIQUE = {"sales": "page_files", "crew": "page_crew", "shop": "page_shop"}
KINDS = [
    *("folder", "group", "resource_type", "variable", "resource"),
    *("script", "flow", "workflow_test", "schedule", "http_trigger"),
]


def renamed(text: str) -> str:
    """Return a text with names that no other test uses."""
    for name, unique in UNIQUE.items():
        text = re.sub(rf"\b{name}\b", unique, text)
    return text


def test_examples_of_files_are_pushed(cli: Cli) -> None:
    files = {renamed(name): renamed(text) for name, text in EXAMPLE.findall(PAGE.read_text())}
    for name, text in files.items():
        cli.write(f"repo/{name}", text)
    done = cli("push", "repo", "--json")
    assert sorted(each["kind"] for each in done.json["pushed"]) == sorted(KINDS)
    assert {each["state"] for each in done.json["pushed"]} == {"created"} and "warning" not in done.err
    assert cli("test", "repo", "--json").json["workflows"][0]["passed"] == 1
    run = cli("flow", "run", "f/page_files/report", "-i", "region=north")
    assert run.out.strip() == '"Total: 5"'
    assert cli.installation.client.get("/api/w/main/schedules/get/f/page_files/daily").json()["enabled"] is True
    assert {each["state"] for each in cli("push", "repo", "--json").json["pushed"]} == {"unchanged"}


def test_new_triggers_without_a_state_are_disabled_with_a_warning(cli: Cli) -> None:
    cli.write("repo/f/stateless/main.py", "def main():\n    return 1\n")
    schedule = "schedule: 0 0 6 * * *\ntimezone: UTC\nscript_path: f/stateless/main\nis_flow: false\n"
    cli.write("repo/f/stateless/daily.schedule.yaml", schedule)
    trigger = "script_path: f/stateless/main\nis_flow: false\nroute_path: stateless/hook\nhttp_method: post\n"
    trigger += "authentication_method: none\n"
    cli.write("repo/f/stateless/hook.http_trigger.yaml", trigger)
    warning = (
        "f/stateless/daily: warning created_disabled: its file has no `enabled`; write `enabled: true` to enable it"
    )
    for dry_run in (["--dry-run"], []):
        done = cli("push", "repo/f/stateless", *dry_run)
        assert warning in done.err
        assert "f/stateless/hook: warning created_disabled: its file has no `mode`; write `mode: enabled`" in done.err
    client = cli.installation.client
    assert client.get("/api/w/main/schedules/get/f/stateless/daily").json()["enabled"] is False
    assert client.get("/api/w/main/http_triggers/get/f/stateless/hook").json()["mode"] == "disabled"
    cli.write("repo/f/stateless/daily.schedule.yaml", f"summary: Daily\n{schedule}")
    assert "created_disabled" not in cli("push", "repo/f/stateless").err
