"""Every order in which two people, each with a folder, and the page change the same items: nothing is lost, and each
conflict is shown once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from tests.e2e.installation import Installation

from orvanta_platform.cli.client.api import open_api
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.connection import Connection
from orvanta_platform.cli.client.tree_pull import pull
from orvanta_platform.cli.client.tree_push import PushOptions, push_tree
from orvanta_platform.workflow.tree.merge import merge

pytestmark = pytest.mark.soak(minutes=20)
WORKSPACE = "interleavings"
W = f"/api/w/{WORKSPACE}"
FLOW, VALUE = "f/duo/shared", "f/duo/one"
NODES = ("ann", "bob", "page")


def document(**code: str) -> dict[str, Any]:
    modules = [
        {
            "id": node,
            "value": {
                "type": "rawscript",
                "language": "bash",
                "content": code.get(node, "echo 0"),
                "input_transforms": {},
            },
        }
        for node in NODES
    ]
    return {"summary": "Shared", "value": {"modules": modules}}


@dataclass
class Person:
    """A person with a folder, who changes the code of one node, and adds a name to a variable."""

    name: str
    session: Session
    folder: Path
    capture: pytest.CaptureFixture[str]
    conflicts: list[str] = field(default_factory=list)
    """Items in conflict, as often as a pull reports them."""

    def begin(self) -> None:
        self._pull()

    def finish(self) -> None:
        code = self.folder / f"{FLOW}.flow/{self.name}.inline_script.sh"
        code.write_text(f"echo {self.name}")
        value = self.folder / f"{VALUE}.variable.yaml"
        value.write_text(value.read_text().replace("value: ", f"value: {self.name} ", 1))
        if self._push():
            return
        if self._pull():
            client = self.session.api.client
            theirs = client.get(f"{W}/variables/get/{VALUE}").json()["value"]
            value.write_text(f"value: {self.name} {theirs}\nis_secret: false\n")
            assert self._push(force=True)
        else:
            assert self._push()

    def _pull(self) -> bool:
        """Pull, and return whether there are conflicts."""
        done = self._json(lambda: pull(self.session, self.folder, dry_run=False, force=False))
        self.conflicts += [each["path"] for each in done["conflicts"]]
        return bool(done["conflicts"])

    def _push(self, *, force: bool = False) -> bool:
        options = PushOptions(message=self.name, wait=False, force=force)
        return not self._json(lambda: push_tree(self.session, self.folder, options))["failed"]

    def _json(self, work: Callable[[], None]) -> Any:
        self.capture.readouterr()
        with suppress(typer.Exit):
            work()
        return json.loads(self.capture.readouterr().out)


@dataclass
class PageEditor:
    """The page: it deploys a document with the version that it was loaded from, and merges after a conflict."""

    client: httpx.Client
    loaded: dict[str, Any] = field(default_factory=dict)
    conflicts: int = 0

    def begin(self) -> None:
        self.loaded = self.client.get(f"{W}/flows/get/{FLOW}").json()

    def finish(self) -> None:
        mine = json.loads(json.dumps(self.loaded["value"]))
        mine["modules"][2]["value"]["content"] = "echo page"
        if self._save(mine):
            return
        self.conflicts += 1
        base = self.loaded["value"]
        self.begin()
        merged, places = merge(base, mine, self.loaded["value"])
        assert places == [] and self._save(merged)

    def _save(self, value: dict[str, Any]) -> bool:
        body = {"path": FLOW, "summary": "Shared", "value": value, "base_version": self.loaded["version_id"]}
        answer = self.client.post(f"{W}/flows/update/{FLOW}", json=body)
        assert answer.status_code == 200 or answer.json()["error"]["code"] == "version_conflict", answer.text
        return answer.status_code == 200


@pytest.fixture
def session(installation: Installation) -> Iterator[Session]:
    client = installation.client
    answer = client.post("/api/workspaces/create", json={"id": WORKSPACE, "name": "Interleavings"})
    assert answer.status_code == 201, answer.text
    client.post(f"{W}/folders/create", json={"name": "duo"}).raise_for_status()
    client.post(f"{W}/flows/create", json={"path": FLOW, **document()}).raise_for_status()
    client.post(f"{W}/variables/create", json={"path": VALUE, "value": "start", "is_secret": False}).raise_for_status()
    token = client.headers["authorization"].removeprefix("Bearer ")
    api = open_api(Connection(str(client.base_url).rstrip("/"), WORKSPACE, token, "test"))
    yield Session(None, None, True, api)
    api.client.close()


def orders() -> list[tuple[str, ...]]:
    """Return the orders of the beginnings and ends of three edits."""
    return sorted(set(permutations(NODES * 2)))


def test_no_order_of_three_edits_loses_one(
    session: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    client = session.api.client
    shown = 0
    for order in orders():
        client.post(f"{W}/flows/update/{FLOW}", json={"path": FLOW, **document()}).raise_for_status()
        client.post(f"{W}/variables/update/{VALUE}", json={"value": "start"}).raise_for_status()
        people = {name: Person(name, session, tmp_path / name, capsys) for name in ("ann", "bob")}
        actors: dict[str, Person | PageEditor] = {**people, "page": PageEditor(client)}
        begun: set[str] = set()
        for name in order:
            actors[name].finish() if name in begun else actors[name].begin()
            begun.add(name)
        flow = client.get(f"{W}/flows/get/{FLOW}").json()
        assert {each["id"]: each["value"]["content"] for each in flow["value"]["modules"]} == {
            name: f"echo {name}" for name in NODES
        }, order
        value = client.get(f"{W}/variables/get/{VALUE}").json()["value"]
        assert sorted(value.split()) == ["ann", "bob", "start"], order
        at_once = max(order.index("ann"), order.index("bob")) < min(ends(order, "ann"), ends(order, "bob"))
        conflicts = [each for person in people.values() for each in person.conflicts]
        assert conflicts == ([VALUE] if at_once else []), order
        shown += len(conflicts)
        for name in people:
            shutil.rmtree(tmp_path / name)
    record_property("orders", len(orders()))
    assert len(orders()) == 90 and shown > 20


def ends(order: tuple[str, ...], name: str) -> int:
    return len(order) - 1 - order[::-1].index(name)
