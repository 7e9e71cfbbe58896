"""A workflow that is promoted from development over staging to production, and its pipeline.

The workflow has two scripts, a schedule, an HTTP trigger, a test and a required resource. Ines develops it; she, Jonas
and Kira are the approvers in production, of whom two must approve.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.installation import PATIENCE_S
from tests.polling import POLL_S

from orvanta_platform.workflow.tree.paths import locate
from orvanta_platform.workflow.tree.reading import read

PASSWORD = "correct horse"
PEOPLE = ("ines", "jonas", "kira")
FLOW = """\
summary: Orders
value:
  modules:
    - id: fetch
      value:
        type: script
        path: f/shop/fetch
        input_transforms: {store: {type: static, value: "$res:f/shop/store"}}
    - id: total
      value:
        type: script
        path: f/shop/total
        input_transforms: {count: {type: javascript, expr: results.fetch}}
"""
TEST = """\
nodes: {fetch: {result: 20}, total: {result: 21, inputs: {count: 20}}}
resources: {f/shop/store: {host: recorded}}
expect: {result: {equals: 21}}
"""
FILES = {
    "f/shop/fetch.sh": 'store="$1"\necho 20\n',
    "f/shop/total.sh": 'count="$1"\necho $((count + 1))\n',
    "f/shop/orders.flow/flow.yaml": FLOW,
    "f/shop/orders.flow/tests/totals.yaml": TEST,
    "f/shop/daily.schedule.yaml": (
        "schedule: 0 0 6 * * *\ntimezone: UTC\nenabled: true\nscript_path: f/shop/orders\nis_flow: true\nargs: {}\n"
    ),
    "f/shop/hook.http_trigger.yaml": (
        "script_path: f/shop/orders\nis_flow: true\nroute_path: shop/orders\nhttp_method: post\nmode: enabled\n"
        "request_type: sync\nauthentication_method: none\nworkspaced_route: true\n"
    ),
}
"""The items, as a tree of files. The result of the workflow is "21": Bash returns text."""
TESTS = "f/shop/orders.flow/tests/totals.yaml"
CHANGED = {
    "f/shop/total.sh": 'count="$1"\necho $((count + 2))\n',
    "f/shop/orders.flow/flow.yaml": FLOW.replace("results.fetch}", "results.fetch * 10}"),
}
"""Changes of both kinds, with which the result is 202 and the test fails."""
MENDED_TEST = {TESTS: TEST.replace("21", "202").replace("count: 20", "count: 200")}
RESOURCE = {"path": "f/shop/store", "resource_type": "http_bearer"}
ALWAYS = {"windows": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}]}
RULES: Mapping[str, Any] = {
    "approvals": 2,
    "approvers": [f"u/{name}" for name in PEOPLE],
    "workflow_tests": "pass",
    "bypass": ["u/jonas"],
}
"""Rules of production. Those of staging require only that tests pass."""


@dataclass(slots=True)
class Instance:
    """Installation with the accounts of this pipeline. `tokens`: by name, and that of the admin."""

    base: str
    client: httpx.Client
    """Client of the admin."""
    prefix: str
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, who: str, path: str, body: Any = None) -> Any:
        """Send a POST request, or GET without a body, as one of the people; return the JSON document."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        answer = self.client.request("GET" if body is None else "POST", path, json=body, headers=headers)
        return answer.json() if answer.text[:1] in ("{", "[", '"') else answer.text

    def post(self, path: str, body: Any) -> None:
        """Send a POST request as the admin, which must succeed."""
        answer = self.client.post(path, json=body)
        assert answer.is_success, (path, answer.text)

    def workspace(self, name: str) -> str:
        """Return the id of a workspace of the pipeline."""
        return f"{self.prefix}-{name}"

    def prepare(self, *names: str) -> None:
        """Create workspaces with the folder shop and these members, whose accounts pipelines of the instance share."""
        present = {each["email"] for each in self.client.get("/api/users/list_as_super_admin?per_page=1000").json()}
        for person in PEOPLE:
            login = {"email": f"{person}@example.org", "password": PASSWORD}
            if login["email"] not in present:
                self.post("/api/users/create", {**login, "name": person.title()})
            self.tokens[person] = httpx.post(f"{self.base}/api/auth/login", json=login, timeout=60).text
        for name in names:
            workspace = self.workspace(name)
            self.post("/api/workspaces/create", {"id": workspace, "name": workspace})
            for person in PEOPLE:
                member = {"email": f"{person}@example.org", "username": person, "is_admin": False, "operator": False}
                self.post(f"/api/w/{workspace}/workspaces/add_user", member)
            self.post(f"/api/w/{workspace}/folders/create", {"name": "shop", "owners": ["g/all"]})

    def create_resource(self, name: str) -> None:
        """Create the required resource in a workspace, as Ines."""
        body = {**RESOURCE, "value": {"token": f"of {name}"}}
        made = self.call("ines", f"/api/w/{self.workspace(name)}/resources/create", body)
        assert "error" not in made, made

    def push(self, who: str, name: str, files: Mapping[str, str]) -> None:
        """Deploy items to a workspace."""
        texts = {file: text.encode() for file, text in files.items()}
        items = [read(each, texts) for each in locate(texts)]
        body: dict[str, Any] = {
            "items": [{"kind": each.kind, "path": each.path, "content": dict(each.content)} for each in items],
            "force": True,
        }
        calls = f"/api/w/{self.workspace(name)}/changes"
        plan = self.call(who, f"{calls}/plan", body)
        done = self.call(who, f"{calls}/apply", {**body, "plan_hash": plan["plan_hash"]})
        assert "error" not in done, done

    def result(self, name: str) -> Any:
        """Call the HTTP trigger of a workspace, and return the result of the workflow."""
        return self.client.post(f"/api/r/{self.workspace(name)}/shop/orders", json={}).json()

    def operations(self, name: str, prefix: str) -> list[str]:
        """Return the operations in the audit trail of a workspace, oldest first, without the prefix."""
        rows = self.client.get(f"/api/w/{self.workspace(name)}/audit/list", params={"per_page": 500}).json()
        found = [each["operation"] for each in rows[::-1]]
        return [each.removeprefix(prefix) for each in found if each.startswith(prefix)]

    def await_links(self, name: str) -> None:
        """Wait until all rows of the audit trail of a workspace are linked; check that the chain is intact."""
        calls = f"/api/w/{self.workspace(name)}/audit"
        rows = len(self.client.get(f"{calls}/list", params={"per_page": 500}).json())
        until = time.monotonic() + PATIENCE_S
        while (found := self.client.get(f"{calls}/verify").json())["links"] < rows:
            assert time.monotonic() < until, found
            time.sleep(POLL_S)
        assert not {"broken", "inserted", "first_unlinked"} & set(found), found
