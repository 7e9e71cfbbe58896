"""Promotion from development to production by command line, to a second instance by address and token, and by file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from tests.cli.client import Cli
from tests.e2e.installation import PATIENCE_S, Installation
from tests.installation import running
from tests.promotion_journey import HOOK, ITEMS, Document, Way, walk
from tests.promotion_pipeline import RESOURCE, Instance

pytestmark = pytest.mark.extended


class CliWay(Way):
    """Everything by command line."""

    def __init__(self, cli: Cli, instance: Instance) -> None:
        super().__init__(instance, instance)
        self._cli = cli

    def create_environment(self, name: str, rules: Mapping[str, Any]) -> None:
        workspace = self.target.workspace(name)
        self._cli("env", "create", workspace, "--of", workspace, "--rules", self._rules(rules))

    def set_rules(self, name: str, rules: Mapping[str, Any]) -> None:
        self._cli("env", "update", self.target.workspace(name), "--rules", self._rules(rules))

    def push(self, who: str, name: str, files: Mapping[str, str]) -> None:
        folder = f"{who}-{name}"
        for file, text in files.items():
            self._cli.write(f"{folder}/{file}", text)
        self._run(who, "push", folder, "--force", "-w", self.target.workspace(name))

    def create_resource(self, name: str) -> None:
        options = ("--type", RESOURCE["resource_type"], "--value", '{"token": "of staging"}')
        self._run("ines", "resource", "set", RESOURCE["path"], *options, "-w", self.target.workspace(name))

    def release(self) -> None:
        enable = f"{HOOK}={self.target.workspace('prod')}"
        made = self._run("ines", "release", "create", *ITEMS, "--enable", enable, "-w", self.target.workspace("dev"))
        self.number = made["number"]

    def promote(self, name: str) -> Document:
        return self._promote("ines", name)

    def renew(self, name: str, *, overwrite: bool = False) -> Document:
        return self._promote("ines", name, "--renew", *(["--overwrite"] if overwrite else []))

    def approve(self, who: str, name: str) -> Document:
        return self._promote(who, name, "--approve")

    def apply(self, who: str, name: str, bypass_reason: str | None = None) -> Document:
        return self._promote(who, name, "--apply", *(["--bypass-reason", bypass_reason] if bypass_reason else []))

    def roll_back(self, who: str, name: str, reason: str) -> Document:
        return self.keep(name, self._run(who, "rollback", self.target.workspace(name), "--reason", reason, code=1))

    def lift_hold(self, who: str, name: str) -> None:
        self._run(who, "env", "lift-hold", self.target.workspace(name))

    def environment(self, name: str) -> Document:
        return self._run("ines", "env", "show", self.target.workspace(name))

    def verify_audit(self, name: str) -> None:
        assert len(self._cli("audit", "verify", "-w", self.target.workspace(name)).out.splitlines()) == 1

    def _promote(self, who: str, name: str, *options: str) -> Document:
        found = self._requests.get(name) if options else None
        number = self.number if found is None else found["number"]
        release = f"{self.source.workspace('dev')}/{number}"
        answer = self._run(who, "promote", release, "--to", self.target.workspace(name), *options, code=None)
        return self.keep(name, answer)

    def _run(self, who: str, *arguments: str, code: int | None = 0) -> Document:
        token = {"ORVANTA_URL": self.target.base, "ORVANTA_TOKEN": self.target.tokens[who]}
        found: Document = self._cli(*arguments, "--json", code=code, **token).json
        return found

    def _rules(self, rules: Mapping[str, Any]) -> str:
        return str(self._cli.write("rules.json", json.dumps(rules)))


class UrlWay(Way):
    """Releases are imported by the command that promotes them, and read with a profile of the other instance."""

    tested = "staging"

    def __init__(self, cli: Cli, source: Instance, target: Instance) -> None:
        super().__init__(source, target)
        self._cli = cli
        login = ("login", source.base, "--token-stdin", "--profile", "first", "-w", source.workspace("dev"))
        cli(*login, text=source.tokens["ines"])

    def promote(self, name: str) -> Document:
        if name != "staging":
            return super().promote(name)
        done = self.run("promote", str(self.number), "--from", "first", "--to", self.target.workspace(name), "--json")
        return self.keep(name, json.loads(done))

    def run(self, *arguments: str) -> str:
        """Run a command for the second instance, as Ines; return what it prints."""
        return self._cli(*arguments, ORVANTA_URL=self.target.base, ORVANTA_TOKEN=self.target.tokens["ines"]).out


class FileWay(UrlWay):
    """Releases are exported as signed files, and imported where the other instance cannot be reached."""

    def promote(self, name: str) -> Document:
        if name == "staging":
            self._cli("release", "export", str(self.number), "release.json", "--profile", "first")
            imported = self.run("release", "import", "release.json", "-w", self.target.workspace(name))
            assert imported == f"{self.number}\n"
            return self.send("ines", name, "create", source=self.target.workspace(name), number=self.number)
        return super().promote(name)


@pytest.fixture(scope="module")
def second() -> Iterator[httpx.Client]:
    """Client of the admin of a second instance."""
    with running("second", {}) as made:
        headers = {"Authorization": f"Bearer {made.token}"}
        with httpx.Client(base_url=made.base, headers=headers, timeout=PATIENCE_S) as client:
            yield client


def test_workflow_is_promoted_by_command_line(cli: Cli, installation: Installation) -> None:
    instance = Instance(installation.base, installation.client, "cli")
    instance.prepare("dev", "staging", "prod")
    walk(CliWay(cli, instance))
    for name in ("staging", "prod"):
        cli("env", "delete", instance.workspace(name))


@pytest.mark.soak
@pytest.mark.parametrize(("name", "way"), [("url", UrlWay), ("file", FileWay)])
def test_workflow_is_promoted_to_second_instance(
    cli: Cli, installation: Installation, second: httpx.Client, name: str, way: type[UrlWay]
) -> None:
    source = Instance(installation.base, installation.client, name)
    target = Instance(str(second.base_url), second, name)
    source.prepare("dev")
    target.prepare("staging", "prod")
    key = source.call("ines", "/api/releases/key")["public_key"]
    target.post("/api/settings/global/trusted_release_keys", {"value": {"first": key}})
    walk(way(cli, source, target))
    assert target.operations("staging", "releases.import") == ["", ""]
    imported = target.call("ines", f"/api/w/{target.workspace('staging')}/releases/list")[0]["imported"]
    assert (imported["name"], imported["workspace"], imported["public_key"]) == ("first", f"{name}-dev", key)
