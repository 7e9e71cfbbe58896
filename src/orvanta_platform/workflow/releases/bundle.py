"""Bundles: the immutable content of a release, identified by a hash of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.workflow.tree.item import Key, Kind

ReleasedKind: TypeAlias = Literal["resource_type", "script", "flow", "schedule", "http_trigger"]
RemovableKind: TypeAlias = Literal["script", "flow", "schedule", "http_trigger"]
TriggerKind: TypeAlias = Literal["schedule", "http_trigger"]

KINDS: Final[tuple[ReleasedKind, ...]] = ("resource_type", "script", "flow", "schedule", "http_trigger")
"""Kinds of items that a release can contain. Values and permissions belong to each environment."""

OWN_STATE: Final[Mapping[str, tuple[str, ...]]] = {
    "schedule": ("enabled", "paused_until"),
    "http_trigger": ("mode",),
}
"""Keys of triggers that each environment sets for itself."""

ON_BEHALF_OF: Final = "on_behalf_of_email"
"""Setting of a script or workflow that each environment sets for itself: the member that its runs act for."""


class BundleItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item with its content, without what each environment sets for itself."""

    kind: ReleasedKind
    path: str
    content: dict[str, Any]

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return self.kind, self.path


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """A variable or resource that the environment must have."""

    kind: Literal["variable", "resource"]
    path: str
    resource_type: str | None = None
    """Type of the resource; null if it is not known."""


class EnabledTrigger(msgspec.Struct, frozen=True, kw_only=True):
    """Environments in which a new schedule or HTTP trigger is enabled."""

    kind: TriggerKind
    path: str
    environments: tuple[str, ...]


class RemovedItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item that does not exist any more where the release was created, and that a deployment removes."""

    kind: RemovableKind
    path: str

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return self.kind, self.path


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of a release. Lists are sorted."""

    items: tuple[BundleItem, ...]
    requirements: tuple[Requirement, ...] = ()
    enabled: tuple[EnabledTrigger, ...] = ()
    removed: tuple[RemovedItem, ...] = ()

    def item_keys(self) -> list[Key]:
        """Return kind and path of the items, and of those that are removed."""
        return [*(each.key for each in self.items), *(each.key for each in self.removed)]

    def paths(self) -> list[str]:
        """Return the paths of the items below users and folders, and of those that are removed, sorted."""
        kept = {each.path for each in self.items if each.kind != "resource_type"}
        return sorted(kept | {each.path for each in self.removed})

    def is_enabled(self, key: Key, environment: str) -> bool:
        """Return whether a new trigger is enabled in an environment."""
        return any((each.kind, each.path) == key and environment in each.environments for each in self.enabled)


def encode(bundle: Bundle) -> str:
    """Return the canonical JSON text of a bundle."""
    tree = msgspec.to_builtins(bundle)
    if not bundle.removed:  # the digest is that of versions without removals
        del tree["removed"]
    return msgspec.json.encode(tree, order="sorted").decode()


def decode(text: str) -> Bundle:
    """Return a bundle from its JSON text. Raises msgspec.ValidationError."""
    return msgspec.json.decode(text, type=Bundle)


def drop_state(kind: Kind, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a trigger or resource type without what each environment sets for itself."""
    return {name: value for name, value in content.items() if name not in OWN_STATE.get(kind, ())}
