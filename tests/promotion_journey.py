"""Journey of two releases from development over staging to production, with everything that prevents a deployment.

It is the same for every way of promoting; a way replaces the calls of `Way`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.promotion_pipeline import ALWAYS, CHANGED, FILES, MENDED_TEST, RULES, TEST, TESTS, Instance

ITEMS = ("schedule/f/shop/daily", "http_trigger/f/shop/hook")
HOOK = "http_trigger/f/shop/hook"

Document = dict[str, Any]


class Way:
    """Promotion by API. Names are those of environments and workspaces, without the prefix of the pipeline."""

    tested = "dev"
    """Workspace of the releases that are deployed to staging, which has the tests."""

    def __init__(self, source: Instance, target: Instance) -> None:
        self.source = source
        self.target = target
        self.number = 0
        """Number of the newest release."""
        self._requests: dict[str, Document] = {}

    def create_environment(self, name: str, rules: Mapping[str, Any]) -> None:
        workspace = self.target.workspace(name)
        self.target.post("/api/environments/create", {"name": workspace, "workspace": workspace, "rules": rules})

    def set_rules(self, name: str, rules: Mapping[str, Any]) -> None:
        self.target.post(f"/api/environments/update/{self.target.workspace(name)}", {"rules": rules})

    def push(self, who: str, name: str, files: Mapping[str, str]) -> None:
        """Deploy items to a workspace, without a release."""
        (self.source if name == "dev" else self.target).push(who, name, files)

    def create_resource(self, name: str) -> None:
        self.target.create_resource(name)

    def release(self) -> None:
        """Create a release of the triggers and everything that they need, as Ines."""
        kinds = [dict(zip(("kind", "path"), each.split("/", 1), strict=True)) for each in ITEMS]
        enabled = [{**kinds[1], "environments": [self.target.workspace("prod")]}]
        body = {"items": kinds, "enabled": enabled}
        self.number = self.source.call("ines", f"/api/w/{self.source.workspace('dev')}/releases/create", body)["number"]

    def promote(self, name: str) -> Document:
        """Request the deployment of the newest release to an environment, as Ines."""
        workspace = self.source.workspace("dev") if name == "staging" else self.released_in("prod")
        return self.send("ines", name, "create", source=workspace, number=self.number)

    def released_in(self, name: str) -> str:
        """Return the workspace of the release that is promoted to an environment."""
        return (self.source if self.tested == "dev" else self.target).workspace(self.tested)

    def renew(self, name: str, *, overwrite: bool = False) -> Document:
        return self.send("ines", name, self._verb(name, "renew"), **({"overwrite": True} if overwrite else {}))

    def approve(self, who: str, name: str) -> Document:
        return self.send(who, name, self._verb(name, "approve"), plan_hash=self._requests[name]["plan_hash"])

    def apply(self, who: str, name: str, bypass_reason: str | None = None) -> Document:
        hash = self._requests[name]["plan_hash"]
        return self.send(who, name, self._verb(name, "apply"), plan_hash=hash, bypass_reason=bypass_reason)

    def roll_back(self, who: str, name: str, reason: str) -> Document:
        return self.send(who, name, "rollback", reason=reason)

    def lift_hold(self, who: str, name: str) -> None:
        self.target.call(who, f"/api/w/{self.target.workspace(name)}/deployments/lift_hold", {})

    def environment(self, name: str) -> Document:
        """Return what runs in an environment, a hold and drift."""
        found: Document = self.target.call("ines", f"/api/w/{self.target.workspace(name)}/deployments/environment")
        return found

    def verify_audit(self, name: str) -> None:
        """Verify the chain of the audit trail of a workspace."""

    def send(self, who: str, name: str, verb: str, **body: Any) -> Document:
        """Call a verb of the deployments of an environment. Return the request or {"error": …}."""
        return self.keep(name, self.target.call(who, f"/api/w/{self.target.workspace(name)}/deployments/{verb}", body))

    def keep(self, name: str, found: Document) -> Document:
        """Store a request as the present one of an environment."""
        if "error" not in found:
            self._requests[name] = found
        return found

    def _verb(self, name: str, verb: str) -> str:
        return f"{verb}/{self._requests[name]['id']}"


def walk(way: Way) -> None:
    """Walk the journey, and check the audit trail of each workspace."""
    target = way.target
    for name, rules in (("staging", {"workflow_tests": "pass"}), ("prod", RULES)):
        way.create_environment(name, rules)
    way.push("ines", "dev", FILES)
    target.create_resource("prod")
    way.release()
    missing_resource_is_created(way)
    two_of_three_approve(way)
    way.push("jonas", "prod", {"f/shop/total.sh": "echo 0\n"})
    assert drift(way) == ["f/shop/total"] and target.result("prod") == "0"
    way.push("ines", "dev", CHANGED)
    way.release()
    failing_test_is_mended(way)
    conflict_is_overwritten_in_frozen_hours(way)
    rollback_holds_promotions(way)
    operations = {name: target.operations(name, "deployments.") for name in ("staging", "prod")}
    assert operations == {
        "staging": ["request", "apply", "request", "renew", "apply"],
        "prod": [
            *("request", "decide", "decide", "apply"),
            *("request", "renew", "decide", "decide", "bypass", "apply"),
            *("request", "hold", "decide", "decide", "apply", "request", "lift_hold"),
        ],
    }
    assert way.source.operations("dev", "releases.").count("create") == 2
    for instance, name in ((way.source, "dev"), (target, "staging"), (target, "prod")):
        instance.await_links(name)
        way.verify_audit(name)


def missing_resource_is_created(way: Way) -> None:
    """The first release is refused in staging until the resource exists."""
    staging = way.target.workspace("staging")
    missing = f"The resource f/shop/store does not exist in {staging}, or you may not read it."
    request = way.promote("staging")
    assert reasons(request["plan"]["blocked"]) == [("resource_missing", missing)]
    assert blocked(way.apply("jonas", "staging")) == [("resource_missing", missing)]
    assert way.environment("staging")["current"] is None
    way.create_resource("staging")
    assert way.apply("jonas", "staging")["state"] == "applied"
    assert way.environment("staging")["current"]["applied_by"] == "jonas"
    assert is_enabled(way, "staging") == (False, False)
    if way.tested != "dev":
        way.push("ines", way.tested, {TESTS: TEST})


def two_of_three_approve(way: Way) -> None:
    """The author cannot approve, nor can one of the others alone."""
    prod = way.target.workspace("prod")
    assert reasons(way.promote("prod")["plan"]["unfulfilled"]) == [approvals(0)]
    own = f"The authors of a request and of its release cannot approve it in {prod}."
    assert refused(way.approve("ines", "prod")) == ("forbidden", own)
    assert reasons(way.approve("jonas", "prod")["plan"]["unfulfilled"]) == [approvals(1)]
    assert blocked(way.apply("jonas", "prod")) == [approvals(1)]
    assert way.environment("prod")["current"] is None
    assert way.approve("kira", "prod")["plan"]["unfulfilled"] == []
    assert way.apply("jonas", "prod")["state"] == "applied"
    assert is_enabled(way, "prod") == (False, True)
    assert (way.target.result("prod"), drift(way)) == ("21", [])


def failing_test_is_mended(way: Way) -> None:
    """The second release does not reach staging while a test fails, and the mended test needs a new plan."""
    failed = ("test_failed", "The test totals of the workflow f/shop/orders fails.")
    assert reasons(way.promote("staging")["plan"]["unfulfilled"]) == [failed]
    assert blocked(way.apply("jonas", "staging")) == [failed]
    assert way.environment("staging")["current"]["number"] == 1
    way.push("ines", way.tested, MENDED_TEST)
    assert refused(way.apply("jonas", "staging"))[0] == "stale_plan"
    assert way.renew("staging")["plan"]["unfulfilled"] == []
    assert way.apply("jonas", "staging")["state"] == "applied"
    assert way.environment("staging")["current"]["number"] == 2


def conflict_is_overwritten_in_frozen_hours(way: Way) -> None:
    """A change made in production is a conflict, and frozen hours are bypassed by a named member with a reason."""
    prod = way.target.workspace("prod")
    request = way.promote("prod")
    assert [each["path"] for each in request["plan"]["drift"]] == ["f/shop/total"]
    ((code, message),) = reasons(request["plan"]["blocked"])
    assert code == "conflict" and message.startswith("The script f/shop/total is in conflict: ")
    assert ("conflict", message) in blocked(way.apply("jonas", "prod"))
    assert way.target.result("prod") == "0"
    assert way.renew("prod", overwrite=True)["plan"]["blocked"] == []
    way.approve("jonas", "prod")
    way.set_rules("prod", {**RULES, "frozen_hours": ALWAYS})
    frozen = ("frozen_hours", f"Nothing is deployed to {prod} in its frozen hours.")
    assert reasons(way.approve("kira", "prod")["plan"]["unfulfilled"]) == [frozen]
    assert blocked(way.apply("jonas", "prod")) == [frozen]
    stranger = way.apply("kira", "prod", bypass_reason="Incident 7")
    assert refused(stranger) == ("forbidden", f"You may not bypass the rules of {prod}.")
    assert way.target.result("prod") == "0"
    assert way.apply("jonas", "prod", bypass_reason="Incident 7")["state"] == "applied"
    current = way.environment("prod")["current"]
    assert (current["number"], current["bypass_reason"]) == (2, "Incident 7")
    assert (way.target.result("prod"), drift(way)) == ("202", [])
    way.set_rules("prod", RULES)


def rollback_holds_promotions(way: Way) -> None:
    """The hold begins with the request, and ends when it is lifted after the rollback was applied."""
    opened = way.roll_back("ines", "prod", "Wrong totals")
    assert (opened["state"], opened["kind"], opened["number"]) == ("open", "rollback", 1)
    assert reasons(opened["plan"]["unfulfilled"]) == [approvals(0)]
    assert way.environment("prod")["hold"]["reason"] == "Wrong totals"
    for who in ("jonas", "kira"):
        way.approve(who, "prod")
    assert way.apply("jonas", "prod")["state"] == "applied"
    assert (way.target.result("prod"), drift(way)) == ("21", [])
    held = ("on_hold", f"ines put promotions to {way.target.workspace('prod')} on hold: Wrong totals")
    assert reasons(way.promote("prod")["plan"]["unfulfilled"]) == [approvals(0), held]
    assert set(blocked(way.apply("jonas", "prod"))) == {approvals(0), held}
    assert way.environment("prod")["current"]["number"] == 1
    way.lift_hold("jonas", "prod")
    assert way.environment("prod")["hold"] is None


def approvals(count: int) -> tuple[str, str]:
    return "approvals_missing", f"The request has {count} of 2 approvals."


def reasons(found: list[Document]) -> list[tuple[str, str]]:
    return [(each["code"], each["message"]) for each in found]


def refused(answer: Document) -> tuple[str, str]:
    """Return code and message of an error."""
    return answer["error"]["code"], answer["error"]["message"]


def blocked(answer: Document) -> list[tuple[str, str]]:
    """Return the reasons for which a deployment was refused."""
    assert answer["error"]["code"] == "deployment_blocked", answer
    return reasons(answer["error"]["details"])


def drift(way: Way) -> list[str]:
    return [each["path"] for each in way.environment("prod")["drift"]]


def is_enabled(way: Way, name: str) -> tuple[bool, bool]:
    """Return whether the schedule and the HTTP trigger are enabled."""
    calls = f"/api/w/{way.target.workspace(name)}"
    schedule = way.target.call("ines", f"{calls}/schedules/get/f/shop/daily")
    hook = way.target.call("ines", f"{calls}/http_triggers/get/f/shop/hook")
    return schedule["enabled"], hook["mode"] == "enabled"
