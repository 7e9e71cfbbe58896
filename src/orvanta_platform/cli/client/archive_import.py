"""`orvanta import archive`: the items of an archive, applied to the workspace as one change set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from orvanta_platform.cli.client.api import Api, note_if_interrupted
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.errors import FAILED, ServerRefused, refused_items, unknown_users
from orvanta_platform.cli.client.folder_workspace import STATE
from orvanta_platform.cli.client.output import print_json, say, say_error, terminal_safe
from orvanta_platform.cli.client.tree_pull import at_places, without_secret
from orvanta_platform.cli.client.tree_push import await_locks
from orvanta_platform.cli.client.tree_status import apply_changes, change_of, fetch, included, parts, plan
from orvanta_platform.errors import BadRequest, ChangesConflict, OrvantaError
from orvanta_platform.workflow.tree.item import OPTIONAL_KINDS, Item, Key, Kind
from orvanta_platform.workflow.tree.merge import merge_content
from orvanta_platform.workflow.tree.paths import locate
from orvanta_platform.workflow.tree.plan import with_removals

_STATES: Final = {"add": "created", "change": "updated", "unchanged": "unchanged"}
_TRIGGERS: Final = ("schedule", "http_trigger")
"""Kinds of items that start runs, which an import creates disabled."""
_IMPORTED: Final = "The items were imported; it is not known whether their dependencies can be locked."
_HINT: Final = "Name the archive that both sides started from with --base, or replace the workspace's with --force."


class ImportOptions(msgspec.Struct, frozen=True):
    """Options of an import."""

    base: Path | None = None
    """Archive of the state that both sides started from; None: every difference is a conflict."""
    message: str | None = None
    plan_only: bool = False
    wait: bool = True
    force: bool = False
    """Replace items of the workspace that differ."""
    optional: Collection[Kind] = ()
    """Optional kinds of items that are imported as well."""


def import_archive(session: Session, file: Path, options: ImportOptions) -> None:
    """Apply the items of an archive, all of them or none. Raises typer.Exit after conflicts and errors."""
    found = _Import(session, options)
    items, found.failed, found.left_out = read_archive(session.api, file, options.optional)
    base = [] if options.base is None else read_archive(session.api, options.base, options.optional)[0]
    changes = found.changes(items, {item.key: item for item in base})
    made = plan(session.api, changes, force=options.force)
    found.check(made)
    if not found.failed and any(each["action"] != "unchanged" for each in made["entries"]):
        made = found.apply(changes, made)
    found.end(made)


def read_archive(
    api: Api, file: Path, optional: Collection[Kind]
) -> tuple[list[Item], list[tuple[Key, OrvantaError]], list[str]]:
    """Return the items of an archive, as the server reads them, those that it cannot read, and the other files.

    Raises BadRequest, ServerRefused.
    """
    try:
        body = file.read_bytes()
    except OSError as error:
        raise BadRequest(f"The file {file} cannot be read: {error.strerror}.") from None
    headers = {"Content-Type": "application/octet-stream"}
    query = included(optional)
    found = api.send("POST", api.in_workspace("changes/archive"), body=body, headers=headers, query=query).json()
    failed: list[tuple[Key, OrvantaError]] = [
        ((each["kind"], each["path"]), BadRequest(f"{file}: {each['message']}")) for each in found["failed"]
    ]
    return (
        [Item(each["kind"], each["path"], each["content"]) for each in found["items"]],
        failed,
        _without_state(found["left_out"]),
    )


class _Import:
    def __init__(self, session: Session, options: ImportOptions) -> None:
        self.session = session
        self.options = options
        self.failed: list[tuple[Key, OrvantaError]] = []
        self.unlocked: list[tuple[Key, OrvantaError]] = []
        """Imported items whose dependencies cannot be locked."""
        self.unknown: list[tuple[Key, OrvantaError]] = []
        """Users that were left out, because they have no account."""
        self.left_out: list[str] = []

    def changes(self, items: Sequence[Item], base: Mapping[Key, Item]) -> list[dict[str, Any]]:
        """Return the changes of the archive. Items that the workspace changed since `base` are merged with them."""
        found = {item.key: change_of(item, None, base.get(item.key)) for item in items}
        if self.options.force:
            return list(found.values())
        entries = [entry for part in parts(found.values()) for entry in plan(self.session.api, part)["entries"]]
        differing = [(each["kind"], each["path"]) for each in entries if each["action"] == "conflict"]
        present = fetch(self.session.api, [key for key in differing if key in base])
        for key, (theirs, digest) in present.items():
            mine, before = found[key]["content"], without_secret(base[key].content)
            try:
                content, places = merge_content(key[0], before, mine, without_secret(theirs.content))
            except OrvantaError as error:
                self.failed.append((key, error))
                continue
            if places:
                self._conflict(key, f"{key[1]}: changed in the archive and in the workspace{at_places(places)}.")
            else:
                found[key] |= {"base": digest, "content": with_removals(key[0], theirs.content, content)}
        for entry in entries:
            key = entry["kind"], entry["path"]
            if entry["action"] == "add" and key in base:
                self._deleted(found, key, base[key])
        return list(found.values())

    def _deleted(self, found: dict[Key, dict[str, Any]], key: Key, before: Item) -> None:
        """Leave out an item that the workspace deleted since the base, unless the archive changed it."""
        if found[key]["content"] == dict(before.content):
            del found[key]
        else:
            self._conflict(key, f"{key[1]}: changed in the archive and deleted in the workspace.")

    def _conflict(self, key: Key, message: str) -> None:
        if key not in {each for each, _ in self.failed}:
            self.failed.append((key, ChangesConflict(message, hint=_HINT)))

    def check(self, made: Mapping[str, Any]) -> None:
        """Collect the conflicts of a plan."""
        for each in made["entries"]:
            if each["action"] == "conflict":
                self._conflict((each["kind"], each["path"]), f"{each['path']}: {each['reason']}")

    def apply(self, changes: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the change set; only check it if the plan is all that is wanted. Raises ServerRefused, typer.Exit."""
        api = self.session.api
        check_only = self.options.plan_only
        body = {"items": changes, "force": self.options.force, "plan_hash": made["plan_hash"], "check_only": check_only}
        try:
            done = apply_changes(
                api, {**body, "message": self.options.message}, "the same import with --plan shows whether it did"
            )
        except ServerRefused as error:
            refused = refused_items(error)
            if not refused:
                raise
            self.failed += refused
            return dict(made)
        self.unknown = [*unknown_users(done)]
        if self.options.wait and not check_only:
            with note_if_interrupted(_IMPORTED):
                self.unlocked = await_locks(api, done["entries"])
        return done

    def end(self, made: Mapping[str, Any]) -> None:
        """Print the outcome. Raises typer.Exit after errors."""
        imports = self.options.plan_only or not self.failed
        refused = {key for key, _ in self.failed + self.unknown}
        done = [
            {"kind": each["kind"], "path": each["path"], "state": _STATES[each["action"]]}
            for each in (made["entries"] if imports else ())
            if each["action"] in _STATES and (each["kind"], each["path"]) not in refused
        ]
        if self.session.as_json:
            errors = self.failed + self.unlocked + self.unknown
            failed = [{"kind": kind, "path": path, "error": error.as_dict()} for (kind, path), error in errors]
            shown = {"failed": failed, "left_out": self.left_out, "plan": self.options.plan_only}
            print_json({"imported": done, **shown})
        else:
            self._print(done)
        if self.failed or self.unlocked or self.unknown:
            raise typer.Exit(FAILED)

    def _print(self, done: Sequence[Mapping[str, Any]]) -> None:
        changed = [each for each in done if each["state"] != "unchanged"]
        for each in changed:
            would = "would be " if self.options.plan_only else ""
            disabled = ", disabled" if each["state"] == "created" and each["kind"] in _TRIGGERS else ""
            print(terminal_safe(f"{each['kind']} {each['path']}: {would}{each['state']}{disabled}"))
        for name in self.left_out:
            reason = (
                "--include-users or --include-settings imports it"
                if locate([name], OPTIONAL_KINDS)
                else "it belongs to no item"
            )
            say(terminal_safe(f"{name} is left out: {reason}."))
        for (kind, path), error in self.failed + self.unlocked + self.unknown:
            say_error(error.message if path in error.message else f"{kind} {path}: {error.message}", error.hint)
        if self.failed:
            print(f"{len(self.failed)} failed; nothing was imported.")
        elif self.unlocked:
            print(f"Everything was imported; runs of {len(self.unlocked)} fail until their dependencies can be locked.")
        elif not changed and not self.unknown:
            print("Nothing to do.")


def _without_state(left_out: Sequence[str]) -> list[str]:
    """Return the files to name, of those that are left out: without the state of a working copy."""
    state = f"/{Path(STATE).parent}/"
    return [name for name in left_out if state not in f"/{name}"]
