"""Versions of pushed workflows and scripts that others do not run until they are accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.errors import ServerRefused
from orvanta_platform.cli.client.output import say, terminal_safe


def list_waiting(api: Api, pushed: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the versions that wait for acceptance, by kind and path of the pushed items.

    Empty if the server refuses the call: the items are deployed, whether or not the token may read this.
    """
    if not pushed:
        return {}
    try:
        rows = api.get(api.in_workspace("acceptance/list"))
    except ServerRefused:
        return {}
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        key = row["kind"], row["path"]
        if key in pushed:
            found.setdefault(key, []).append(row)
    return found


def say_waiting(row: Mapping[str, Any]) -> None:
    """Print which version runs for a member in the meantime, and how to accept the new one."""
    kind, path, member, version = row["kind"], row["path"], row["permissioned_as"], row["version"]
    meanwhile = f"version {row['accepted']['number']} runs" if "accepted" in row else "nothing runs"
    names = [f"{each['kind'].replace('_', ' ')} {each['path']}" for each in row["triggers"] if each["path"] != path]
    triggers = f" ({', '.join(names)})" if names else ""
    command = f"orvanta acceptance accept {kind} {path} {version['id']}"
    for line in (
        f"{path}: version {version['number']} waits for acceptance; until then {meanwhile} for {member}{triggers}",
        f"    {member}, an admin or a member of the group deployers can accept it on its page, or with `{command}`.",
    ):
        say(terminal_safe(line))
