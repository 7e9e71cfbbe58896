"""Contents of items in a release, and as an environment stores them: with what the environment sets for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orvanta_platform.workflow import document
from orvanta_platform.workflow.diagnostics import refusal
from orvanta_platform.workflow.releases.bundle import ON_BEHALF_OF, drop_state
from orvanta_platform.workflow.tree.item import Kind
from orvanta_platform.workflow.yaml_edit import edit_yaml


def release_content(kind: Kind, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of an item without what each environment sets for itself."""
    if kind == "flow":
        return {"text": _with_identity(content["text"], None)}
    if kind == "script":
        settings = content.get("settings") or {}
        return {**content, "settings": {name: each for name, each in settings.items() if name != ON_BEHALF_OF}}
    return drop_state(kind, content)


def environment_content(
    kind: Kind, content: Mapping[str, Any], present: Mapping[str, Any] | None, *, enabled: bool
) -> dict[str, Any]:
    """Return the content of an item for an environment.

    `present`: its content there. The member that its runs act for, and the state of a trigger, remain; a new trigger is
    disabled unless `enabled`.
    """
    if kind == "flow":
        return {"text": _with_identity(content["text"], None if present is None else _flow_identity(present))}
    own = release_content(kind, content)
    match kind:
        case "script":
            owner = None if present is None else present["settings"].get(ON_BEHALF_OF)
            return {**own, "settings": {**own["settings"], **({} if owner is None else {ON_BEHALF_OF: owner})}}
        case "schedule" if present is None:
            return {**own, "enabled": enabled}
        case "http_trigger" if present is None:
            return {**own, "mode": "enabled" if enabled else "disabled"}
        case _:
            return own


def identity_of(kind: Kind, content: Mapping[str, Any]) -> str | None:
    """Return the member that the runs of a script or workflow act for (an e-mail address), None: who starts them.

    Raises InvalidWorkflow.
    """
    match kind:
        case "flow":
            return _flow_identity(content)
        case "script":
            owner: str | None = (content.get("settings") or {}).get(ON_BEHALF_OF)
            return owner
        case _:
            return None


def _flow_identity(present: Mapping[str, Any]) -> str | None:
    owner: str | None = (present["tree"] if "tree" in present else _tree(present["text"])).get(ON_BEHALF_OF)
    return owner


def _with_identity(text: str, owner: str | None) -> str:
    """Return the text of a workflow with the member that its runs act for, or without one. Raises InvalidWorkflow."""
    if owner is None and ON_BEHALF_OF not in text and "\\" not in text:
        return text  # without an escape, a key is in the text as it is
    tree = _tree(text)
    if tree.get(ON_BEHALF_OF) == owner and (owner is not None or ON_BEHALF_OF not in tree):
        return text
    wanted = {name: each for name, each in tree.items() if name != ON_BEHALF_OF}
    if owner is not None:
        wanted[ON_BEHALF_OF] = owner
    try:
        return edit_yaml(text, wanted).source.decode()
    except ValueError:
        message = f"`{ON_BEHALF_OF}` cannot be changed in this document; write the key plainly"
        raise refusal("invalid_yaml", message) from None


def _tree(text: str) -> dict[str, Any]:
    """Return the document parsed as a whole, as a deployment does: parsing only a part could miss a key."""
    return document.parse(text.encode(), "yaml").tree
