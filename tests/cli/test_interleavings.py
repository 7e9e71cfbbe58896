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
from tests.cli.test_push_tree import tree
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
COMMON = "common"
"""Node that all three change if `is_common`; otherwise each changes one that is named after them."""


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
        for node in (*NODES, COMMON)
    ]
    return {"summary": "Shared", "value": {"modules": modules}}


def changed(code: str, name: str, *, is_common: bool) -> str:
    """Return the code of a node with the change of one of the three, who does not repeat it."""
    line = f"echo {name}"
    return line if not is_common else code if line in code else f"{code}\n{line}"


@dataclass
class Person:
    """A person with a folder, who changes the code of a node, and adds a name to a variable."""

    name: str
    session: Session
    folder: Path
    capture: pytest.CaptureFixture[str]
    is_common: bool
    conflicts: dict[str, list[list[str]]] = field(default_factory=dict)
    """Items in conflict, with the places that each pull reports."""

    def begin(self) -> None:
        self.pull()

    def finish(self) -> None:
        self._edit()
        if self._push():
            return
        if self.pull():
            self.pull(force=True)
            self._edit()
        assert self._push()

    def _edit(self) -> None:
        code = self.folder / f"{FLOW}.flow/{COMMON if self.is_common else self.name}.inline_script.sh"
        code.write_text(changed(code.read_text(), self.name, is_common=self.is_common))
        value = self.folder / f"{VALUE}.variable.yaml"
        if self.name not in value.read_text():
            value.write_text(value.read_text().replace("value: ", f"value: {self.name} ", 1))

    def pull(self, *, force: bool = False) -> bool:
        """Pull, and return whether there are conflicts."""
        done = self._json(lambda: pull(self.session, self.folder, dry_run=False, force=force))
        for each in done["conflicts"]:
            self.conflicts.setdefault(each["path"], []).append(each["places"])
        return bool(done["conflicts"])

    def _push(self) -> bool:
        options = PushOptions(message=self.name, wait=False)
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
    is_common: bool
    loaded: dict[str, Any] = field(default_factory=dict)
    conflicts: list[list[str]] = field(default_factory=list)
    """The places of each conflict: none if the changes are merged."""

    def begin(self) -> None:
        self.loaded = self.client.get(f"{W}/flows/get/{FLOW}").json()

    def finish(self) -> None:
        base = self.loaded["value"]
        mine = self._edited(base)
        if self._save(mine):
            return
        self.begin()
        merged, places = merge(base, mine, self.loaded["value"])
        self.conflicts.append(places)
        assert self._save(self._edited(self.loaded["value"]) if places else merged)

    def _edited(self, value: dict[str, Any]) -> dict[str, Any]:
        mine: dict[str, Any] = json.loads(json.dumps(value))
        (node,) = (each["value"] for each in mine["modules"] if each["id"] == (COMMON if self.is_common else "page"))
        node["content"] = changed(node["content"], "page", is_common=self.is_common)
        return mine

    def _save(self, value: dict[str, Any]) -> bool:
        body = {"path": FLOW, "summary": "Shared", "value": value, "base_version": self.loaded["version_id"]}
        answer = self.client.post(f"{W}/flows/update/{FLOW}", json=body)
        assert answer.status_code == 200 or answer.json()["error"]["code"] == "version_conflict", answer.text
        return answer.status_code == 200


@pytest.fixture(scope="module")
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


PLACE = f"/modules/{COMMON}/value/content"
"""Place of a conflict about the common node, in the value of the workflow."""


def orders() -> list[tuple[str, ...]]:
    """Return the orders of the beginnings and ends of three edits."""
    return sorted(set(permutations(NODES * 2)))


@pytest.mark.parametrize("is_common", [False, True], ids=["own nodes", "one node"])
def test_no_order_of_three_edits_loses_one(
    session: Session,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    record_property: Callable[[str, object], None],
    is_common: bool,
) -> None:
    client = session.api.client
    shown = 0
    for order in orders():
        client.post(f"{W}/flows/update/{FLOW}", json={"path": FLOW, **document()}).raise_for_status()
        client.post(f"{W}/variables/update/{VALUE}", json={"value": "start"}).raise_for_status()
        people = {name: Person(name, session, tmp_path / name, capsys, is_common) for name in ("ann", "bob")}
        page = PageEditor(client, is_common)
        actors: dict[str, Person | PageEditor] = {**people, "page": page}
        begun: set[str] = set()
        for name in order:
            actors[name].finish() if name in begun else actors[name].begin()
            begun.add(name)
        nothing_is_lost(client, order, is_common=is_common)
        for name, person in people.items():
            assert not person.pull(), order
            assert person.conflicts == expected_conflicts(order, name, is_common=is_common), order
        assert page.conflicts == ([[PLACE] if is_common else []] if finished_meanwhile(order, "page") else []), order
        assert tree(tmp_path / "ann") == tree(tmp_path / "bob"), order
        shown += sum(len(person.conflicts) for person in people.values()) + len(page.conflicts)
        for name in people:
            shutil.rmtree(tmp_path / name)
    record_property("orders", len(orders()))
    record_property("conflicts", shown)
    assert len(orders()) == 90 and shown > 20


def nothing_is_lost(client: httpx.Client, order: tuple[str, ...], *, is_common: bool) -> None:
    """Require the changes of all three in the workspace."""
    modules = client.get(f"{W}/flows/get/{FLOW}").json()["value"]["modules"]
    code = {each["id"]: each["value"]["content"] for each in modules}
    if is_common:
        assert sorted(code.pop(COMMON).splitlines()) == ["echo 0", "echo ann", "echo bob", "echo page"], order
        assert set(code.values()) == {"echo 0"}, order
    else:
        assert code == {**{name: f"echo {name}" for name in NODES}, COMMON: "echo 0"}, order
    value = client.get(f"{W}/variables/get/{VALUE}").json()["value"]
    assert sorted(value.split()) == ["ann", "bob", "start"], order


def expected_conflicts(order: tuple[str, ...], name: str, *, is_common: bool) -> dict[str, list[list[str]]]:
    """Return the items in conflict of a person: each once, if somebody else changed the same place meanwhile."""
    others = finished_meanwhile(order, name)
    found = {FLOW: [[f"/value{PLACE}"]]} if is_common and others else {}
    return found | ({VALUE: [["/value"]]} if others - {"page"} else {})


def finished_meanwhile(order: tuple[str, ...], name: str) -> set[str]:
    """Return the others who finished between the beginning and the end of an edit."""
    first, last = order.index(name), end_of(order, name)
    return {each for each in NODES if each != name and first < end_of(order, each) < last}


def end_of(order: tuple[str, ...], name: str) -> int:
    return len(order) - 1 - order[::-1].index(name)
