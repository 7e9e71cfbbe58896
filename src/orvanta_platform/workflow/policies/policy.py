"""Policies as data: modes, scopes and rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.grammar import DOCUMENT, FLOW, MODULE, VALUES
from orvanta_platform.workflow.kinds import KINDS
from orvanta_platform.workflow.policies import default_fields
from orvanta_platform.workflow.policies.default_fields import Part
from orvanta_platform.workflow.shapes import Record

Mode: TypeAlias = Literal["active", "evaluate", "off"]
Resource: TypeAlias = Literal["runs_waiting", "runs_concurrent", "file_bytes"]
Feature: TypeAlias = Literal["inline_code", "unpinned_script", "node_kind", "secret_literal", "dedicated_worker"]

INSTANCE: Final = "instance"
WORKSPACE: Final = "workspace"

MAX_RULES: Final = 50
MAX_ENTRIES: Final = 100
"""Maximum number of patterns, kinds or bypasses in a list."""
MAX_PACKAGES: Final = 1_000
"""Maximum number of patterns of packages in a rule, which also names those that others require."""
MAX_MESSAGE: Final = 1_000
MAX_NAME: Final = 100
MAX_PATTERN: Final = 200
MAX_LIMIT: Final = 10**15
"""Largest maximum of a limit."""

TESTS: Final = "tests"
"""Field of a workflow that a rule can only require: it has a test, and all its tests pass."""

PACKAGES: Final = "packages"
"""Field of scripts and of nodes with inline code that a rule can only restrict: all packages of the lock."""

FIELDS: Final[Mapping[Part, frozenset[str]]] = {
    "flow": (frozenset(DOCUMENT.known) | frozenset(FLOW.known))
    - {"value", "path", "modules", "ui", "draft_only", "deployment_message"},
    "node": (
        frozenset(MODULE.known)
        | frozenset(name for shape in VALUES.values() if isinstance(shape, Record) for name in shape.known)
        | {"host", PACKAGES}
    )
    - {"value", "modules", "content"},
    "script": frozenset(
        {
            *("summary", "description", "language", "schema", "kind", "tag", "timeout", "labels"),
            *("priority", "concurrent_limit", "concurrency_key", "concurrency_time_window_s", "cache_ttl"),
            *("dedicated_worker", "on_behalf_of_email", "ws_error_handler_muted", "visible_to_runner_only"),
            PACKAGES,
        }
    ),
}
"""Fields that a rule can name, by the part of an item that it applies to. `host`: host of a webhook's URL. Code is
compared with no pattern.
"""

_NOT_IN_NAME: Final = re.compile(r"[<>=\s]")
"""Characters of ranges such as `requests>=2`, which are no patterns."""


class _Rule(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    on: Part
    node_kinds: tuple[str, ...] = ()
    """Kinds of nodes that it applies to; empty: all."""


class Require(_Rule, tag_field="kind", tag="require", kw_only=True, frozen=True):
    """A field must be present, and match a pattern if there is one."""

    field: str
    matches: str | None = None
    """Pattern with `*`, `?` and `[…]`; a list matches if one of its entries does."""


class Restrict(_Rule, tag_field="kind", tag="restrict", kw_only=True, frozen=True):
    """A field, if present, must match one of the patterns and must not exceed the maximum."""

    field: str
    allowed: tuple[str, ...] | None = None
    """Patterns with `*`, `?` and `[…]`; all entries of a list must match. Those of `packages` are patterns of names,
    which `==` and a pattern of versions may follow.
    """
    maximum: float | None = None


class Deny(msgspec.Struct, tag_field="kind", tag="deny", kw_only=True, frozen=True, forbid_unknown_fields=True,
           omit_defaults=True):  # fmt: skip
    """A feature must not be used."""

    feature: Feature
    node_kinds: tuple[str, ...] = ()
    """Kinds of nodes that the feature `node_kind` denies."""
    maximum_lines: int = 0
    """Longest inline script that the feature `inline_code` accepts, in lines."""


class Default(_Rule, tag_field="kind", tag="default", kw_only=True, frozen=True):
    """A field that is absent gets this value when the item is deployed; the document itself is not changed."""

    field: str
    value: Any


class Limit(msgspec.Struct, tag_field="kind", tag="limit", kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A workspace must not use more of a resource. If several policies limit it, the smallest maximum applies."""

    resource: Resource
    """`runs_waiting`: runs that wait to start, including those that are scheduled for later. `runs_concurrent`: runs
    that have not ended, waiting ones included, without those of sub-workflows. `file_bytes`: size of the stored files.
    """
    maximum: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)]


Rule: TypeAlias = Require | Restrict | Deny | Default | Limit


class Policy(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A standard for the workflows and scripts in its scope."""

    name: str
    scope: str = WORKSPACE
    """`instance`, `workspace`, or the start of paths, such as `f/sales`."""
    mode: Mode = "evaluate"
    """active: violations prevent a deployment; evaluate: they are warnings; off: not checked."""
    message: str = ""
    """Advice that is appended to the message of each violation."""
    rules: tuple[Rule, ...]
    bypass: tuple[str, ...] = ()
    """Those who may deploy in spite of violations, with a reason: members `u/<username>` and groups `g/<name>`; for a
    policy of the instance e-mail addresses, as the admins of each workspace determine usernames and groups.
    """

    @property
    def precedence(self) -> tuple[int, str]:
        """Key by which policies are sorted if only the first may set a field: the narrowest scope first."""
        width = {INSTANCE: 1, WORKSPACE: 0}.get(self.scope, -len(self.scope))
        return width, self.name

    def covers(self, path: str) -> bool:
        """Return whether an item at this path is in the scope."""
        return self.scope in (INSTANCE, WORKSPACE) or path == self.scope or path.startswith(f"{self.scope}/")

    def requires_tests(self) -> bool:
        """Return whether a rule requires tests of workflows."""
        return any(is_about_tests(rule) for rule in self.rules)

    def restricts_packages(self) -> bool:
        """Return whether a rule restricts packages, so that locks have to be read."""
        return any(is_about_packages(rule) for rule in self.rules)

    def count_patterns(self) -> int:
        """Return the number of patterns of all rules."""
        return sum(len(patterns_of(rule)) for rule in self.rules)


def is_about_tests(rule: Rule) -> bool:
    """Return whether a rule requires tests of workflows."""
    return isinstance(rule, Require) and rule.on == "flow" and rule.field == TESTS


def is_about_packages(rule: Rule) -> bool:
    """Return whether a rule restricts the packages of scripts or of inline code."""
    return isinstance(rule, Restrict) and rule.field == PACKAGES


def split_pattern(pattern: str) -> tuple[str, str | None]:
    """Return the patterns of names and of versions in a pattern of packages; None: any version of a registry."""
    name, separator, version = pattern.partition("==")
    return name.strip(), version.strip() if separator else None


def patterns_of(rule: Rule) -> tuple[str, ...]:
    """Return the patterns of a rule."""
    match rule:
        case Restrict():
            return rule.allowed or ()
        case Require():
            return () if rule.matches is None else (rule.matches,)
        case Deny() | Default() | Limit():
            return ()


def parse(tree: Any) -> Policy:
    """Return a policy from its data. Raises BadRequest if it is not valid."""
    try:
        policy = msgspec.convert(tree, Policy)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The policy is not valid: {error}.") from error
    fault = _fault(policy)
    if fault is not None:
        raise BadRequest(f"The policy is not valid: {fault}.")
    return policy


def _fault(policy: Policy) -> str | None:
    if not policy.name or len(policy.name) > MAX_NAME or not policy.name.replace("-", "").replace("_", "").isalnum():
        return f"`name` has 1 to {MAX_NAME} letters, digits, - and _"
    if policy.scope not in (INSTANCE, WORKSPACE) and not policy.scope.startswith(("f/", "u/")):
        return "`scope` is instance, workspace, or the start of a path, such as f/sales"
    if policy.scope.endswith("/") or len(policy.scope) > MAX_PATTERN:
        return f"`scope` has at most {MAX_PATTERN} characters and does not end with /"
    if len(policy.message) > MAX_MESSAGE:
        return f"`message` has at most {MAX_MESSAGE} characters"
    if not 1 <= len(policy.rules) <= MAX_RULES:
        return f"`rules` has 1 to {MAX_RULES} entries"
    is_instance = policy.scope == INSTANCE
    valid = ("@" in each if is_instance else each.startswith(("u/", "g/")) for each in policy.bypass)
    if len(policy.bypass) > MAX_ENTRIES or not all(valid):
        form = (
            "e-mail addresses, because the policy is one of the instance" if is_instance else "u/<username> or g/<name>"
        )
        return f"`bypass` has at most {MAX_ENTRIES} entries: {form}"
    if policy.scope not in (INSTANCE, WORKSPACE) and any(isinstance(rule, Limit) for rule in policy.rules):
        return "rules of the kind limit need the scope instance or workspace, because they apply to whole workspaces"
    faults = ((index, _rule_fault(rule)) for index, rule in enumerate(policy.rules))
    return next((f"rule {index}: {fault}" for index, fault in faults if fault is not None), None)


def _rule_fault(rule: Rule) -> str | None:
    if isinstance(rule, Limit):
        return None
    unknown = [each for each in rule.node_kinds if each not in KINDS]
    if unknown:
        return f"{unknown[0][:MAX_NAME]!r} is not a kind of node"
    if isinstance(rule, Deny):
        needs_kinds = rule.feature == "node_kind" and not rule.node_kinds
        return "the feature node_kind needs `node_kinds`" if needs_kinds else None
    if isinstance(rule, Default):
        return default_fields.fault(rule.on, rule.field, rule.value, rule.node_kinds)
    if rule.field == TESTS and rule.on == "flow":
        is_plain = isinstance(rule, Require) and rule.matches is None
        return None if is_plain else "`tests` can only be required, without a pattern"
    if rule.field not in FIELDS[rule.on]:
        return f"{rule.field[:MAX_NAME]!r} is not a field of a {rule.on}"
    if rule.node_kinds and rule.on != "node":
        return "`node_kinds` applies to nodes only"
    patterns = patterns_of(rule)
    most = MAX_PACKAGES if rule.field == PACKAGES else MAX_ENTRIES
    if len(patterns) > most or any(len(each) > MAX_PATTERN for each in patterns):
        return f"there are at most {most} patterns of at most {MAX_PATTERN} characters"
    if rule.field == PACKAGES:
        return _packages_fault(rule)
    if isinstance(rule, Restrict) and rule.allowed is None and rule.maximum is None:
        return "it needs `allowed` or `maximum`"
    return None


def _packages_fault(rule: Require | Restrict) -> str | None:
    if isinstance(rule, Require):
        return "`packages` can only be restricted"
    if rule.allowed is None or rule.maximum is not None:
        return "`packages` needs `allowed`, and has no `maximum`"
    if set(rule.node_kinds) - {"rawscript"}:
        return "`packages` applies to nodes of the kind rawscript, because other nodes contain no code"
    for pattern in rule.allowed:
        name, version = split_pattern(pattern)
        if not name or version == "" or _NOT_IN_NAME.search(name):
            return f"{pattern!r} is not the pattern of a name, with == and the pattern of a version if needed"
    return None
