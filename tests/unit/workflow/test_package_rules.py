"""Rules of policies that restrict packages."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.policies.check import exceeds, violations
from orvanta_platform.workflow.policies.policy import parse
from orvanta_platform.workflow.policies.subject import LockedCode, subject_of_locks
from orvanta_platform.workflow.requirements import LockedPackage


def package(name: str, version: str = "1.0", language: str = "python3", **more: Any) -> LockedPackage:
    ecosystem: Any = {"python3": "python", "bun": "npm", "php": "composer"}.get(language, language)
    return LockedPackage(ecosystem, name, version, **more)


def found(allowed: list[str], *packages: LockedPackage, on: str = "script") -> list[str]:
    """Return the messages of the violations by a script with these packages."""
    rule = {"kind": "restrict", "on": on, "field": "packages", "allowed": allowed}
    policy = parse({"name": "p", "mode": "active", "rules": [rule]})
    code = LockedCode("a", "/value/modules/0/value", packages) if on == "node" else LockedCode(None, "", packages)
    subject = subject_of_locks("f/x/y", [code, LockedCode(None, "", ()), LockedCode("b", "/value/modules/1/value", ())])
    return [each.message for each in violations(subject, [policy])]


def test_patterns_of_names_and_versions() -> None:
    requests, types = package("requests", "2.31.0"), package("@types/node", "20.1.0", "bun")
    for allowed in (["requests"], ["Requests==2.*"], ["requests == 2.31.?"], ["req*"], ["*"], ["x", "requests"]):
        assert found(allowed, requests) == [], allowed
    for allowed in ([], ["request"], ["requests==3.*"], ["==2.*x"[2:]], ["requests==2.31"], ["REQUESTS==*a"]):
        assert found(allowed, requests) == ["The package requests 2.31.0 of the script is not allowed."], allowed
    assert found(["My_*.Lib"], package("my-own-lib")) == []
    assert found(["@types/*"], types) == [] and found(["@Types/*"], types) and found(["types/*"], types)
    assert found(["Acme/*"], package("acme/lib", language="php")) == []
    assert found(["github.com/acme/*==v1.*"], package("github.com/acme/a/b", "v1.2.3", "go")) == []
    assert found(["rails*==7.*"], package("rails-html-sanitizer", "7.0", "gems")) == []


def test_package_from_an_address_needs_an_explicit_pattern() -> None:
    direct = package("lib", "https://files.example/lib.whl", is_direct=True)
    for allowed in (["lib"], ["*"], ["lib==1.*"]):
        assert found(allowed, direct) == ["The package lib https://files.example/lib.whl of the script is not allowed."]
    for allowed in (["lib==https://files.example/*"], ["lib==*"]):
        assert found(allowed, direct) == []
    archived = package("a/lib", "1.0", "php", archive="https://files.example/any.zip")
    assert found(["a/lib"], archived) == [] and found(["a/lib"], archived.without_trust())


def test_all_packages_are_named_up_to_a_limit() -> None:
    many = [package(f"p{number}") for number in range(7)]
    wanted = "Packages of the node a are not allowed: p0 1.0, p1 1.0, p2 1.0, p3 1.0, p4 1.0 and 2 more."
    assert found(["x"], *many, on="node") == [wanted]
    assert found(["p[1-6]"], *many, on="node") == ["The package p0 1.0 of the node a is not allowed."]
    assert found(["x"], package("bare", "")) == ["The package bare of the script is not allowed."]
    rules = [{"kind": "restrict", "on": "script", "field": "packages", "allowed": ["*"]}]
    policy = parse({"name": "p", "mode": "active", "rules": rules})
    unread = subject_of_locks("f/x/y", [LockedCode(each, "", (), "it is old") for each in (None, "a")])
    (unreadable,) = violations(unread, [policy])
    assert (unreadable.node, unreadable.field) == (None, "packages")
    assert (
        unreadable.message
        == "The packages of the script cannot be checked, because its lock cannot be read: it is old."
    )
    subject = subject_of_locks("f/x/y", [LockedCode(None, "", tuple(many))])
    assert exceeds(subject, [policy], 6) and not exceeds(subject, [policy], 7)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "require"}, "can only be restricted"),
        ({"kind": "require", "matches": "*"}, "can only be restricted"),
        ({"on": "flow", "allowed": ["a"]}, "not a field of a flow"),
        ({"kind": "default", "value": ["a"]}, "has no default"),
        ({}, "needs `allowed`"),
        ({"maximum": 1}, "needs `allowed`"),
        ({"allowed": ["a"], "maximum": 1}, "no `maximum`"),
        ({"allowed": ["a"], "on": "node", "node_kinds": ["script"]}, "rawscript"),
        ({"allowed": ["a>=2"]}, "is not the pattern of a name"),
        ({"allowed": ["a", "==2.*"]}, "is not the pattern of a name"),
        ({"allowed": ["a=="]}, "is not the pattern of a name"),
        ({"allowed": ["a b"]}, "is not the pattern of a name"),
        ({"allowed": ["a"] * 1001}, "at most 1000 patterns"),
    ],
)
def test_invalid_rules_are_refused(change: dict[str, Any], reason: str) -> None:
    rule = {"kind": "restrict", "on": "script", "field": "packages", **change}
    with pytest.raises(BadRequest, match=reason):
        parse({"name": "p", "rules": [rule]})
