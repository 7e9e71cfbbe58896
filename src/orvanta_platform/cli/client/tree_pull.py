"""`orvanta init`, `pull`, `status` and `diff`: a folder compared with a workspace, and updated from it."""

from __future__ import annotations

import difflib
import json
import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.errors import FAILED
from orvanta_platform.cli.client.folder_workspace import STATE
from orvanta_platform.cli.client.item_failures import failures, show_failures
from orvanta_platform.cli.client.output import print_json, say, terminal_safe
from orvanta_platform.cli.client.tree_folder import Folder, open_whole, unreadable
from orvanta_platform.cli.client.tree_state import open_state
from orvanta_platform.cli.client.tree_status import Comparison, compare, fetch
from orvanta_platform.errors import BadRequest, OrvantaError
from orvanta_platform.workflow.tree.advice import of_other_code
from orvanta_platform.workflow.tree.item import Item, Key, Kind
from orvanta_platform.workflow.tree.merge import loses_comments, merge_content
from orvanta_platform.workflow.tree.paths import SCRIPT_LOCK, SCRIPT_SETTINGS
from orvanta_platform.workflow.tree.plan import without_untouched
from orvanta_platform.workflow.tree.stored_text import comments_lost

_NO_FILE = "/dev/null"
_NO_LINE_FEED = "\\ No newline at end of file"
_PLAIN_PLACE = re.compile(r"[^\s,\"]*")
_MERGED = "merged"
"""Digest of an item that differs from the workspace, because it contains changes of the folder too."""
_NAMED = 10
"""Number of items that a warning names."""
_SIGNS = {
    "added": "A  ",
    "modified": "M  ",
    "deleted": "D  ",
    "remote added": " A ",
    "remote modified": " M ",
    "remote deleted": " D ",
    "conflict": "!! ",
}


def init(session: Session, root: Path) -> None:
    """Create the state of a folder. Raises ServerRefused for a workspace that does not exist."""
    if (root / STATE).is_file():
        raise BadRequest(f"{root} is initialised already.", hint="Use `orvanta pull` or `orvanta status`.")
    session.api.get(session.api.in_workspace("users/whoami"))
    _create(root)
    state = open_state(root, session.api.connection)
    state.save()
    session.print_state(str(root), f"initialised for {state.remote}")


def status(session: Session, root: Path, *, exit_code: bool, optional: Collection[Kind] = ()) -> None:
    """Print the items that differ. Raises typer.Exit with `exit_code` if there are any."""
    found = _compared(session, root, optional)
    _read_added(found)
    say_unused(found.folder)
    differing = {key: each for key, each in found.statuses.items() if each != "unchanged"}
    if session.as_json:
        rows = [
            {"kind": kind, "path": path, "state": each, **_moved_to(found, (kind, path))}
            for (kind, path), each in differing.items()
        ]
        print_json({"in_sync": found.in_sync, "items": rows, "failed": failures(found.folder, found.failed)})
    else:
        for key, each in differing.items():
            kind, path = key
            print(terminal_safe(f"{_SIGNS[each]}{kind} {path}{found.note_of(key)}"))
        show_failures(found.folder, found.failed)
        if found.in_sync:
            print("The folder and the workspace have the same items.")
        else:
            say("First column: changed in the folder. Second: changed in the workspace. !!: changed in both.")
    if exit_code and not found.in_sync:
        raise typer.Exit(FAILED)


def diff(session: Session, root: Path, *, exit_code: bool, optional: Collection[Kind] = ()) -> None:
    """Print the differences of all files, from the workspace to the folder."""
    found = _compared(session, root, optional)
    _read_added(found)
    changed = [key for key, each in found.statuses.items() if each != "unchanged"]
    remote = fetch(session.api, [key for key in changed if key in found.remote])
    shown = {key: _difference(found, key, remote[key][0] if key in remote else None) for key in changed}
    if session.as_json:
        rows = [{"kind": kind, "path": path, "diff": text} for (kind, path), text in shown.items()]
        print_json({"in_sync": found.in_sync, "items": rows, "failed": failures(found.folder, found.failed)})
    else:
        show_differences(shown.values())
        show_failures(found.folder, found.failed)
    if exit_code and not found.in_sync:
        raise typer.Exit(FAILED)


def pull(session: Session, root: Path, *, dry_run: bool, force: bool, optional: Collection[Kind] = ()) -> None:
    """Write the changes of the workspace into the folder, with those of the optional kinds.

    Raises typer.Exit after conflicts.
    """
    if not dry_run:
        _create(root)
    found = _compared(session, root, optional, may_lack=dry_run)
    folder, state = found.folder, found.state
    both = [] if force else found.of("conflict")
    taken = found.of("remote added", "remote modified", "remote deleted", *(("conflict",) if force else ()))
    fetched = fetch(session.api, [key for key in (*taken, *both) if key in found.remote])
    done: list[dict[str, Any]] = []
    conflicts: dict[Key, list[str]] = {}
    failed = [(key, error) for key, error in found.failed if key in both]
    broken = {key for key, _ in failed}
    for key in both:
        if key in broken:
            continue
        try:
            places = _merge(found, key, fetched.get(key), dry_run=dry_run)
        except OrvantaError as error:
            failed.append((key, error))
            continue
        if places == []:
            done.append({"kind": key[0], "path": key[1], "state": "merged"})
        else:
            conflicts[key] = places or []
    for key in taken:
        if key in found.remote and key not in fetched:
            continue  # it was deleted since it was listed: the next pull deletes it
        before = key in folder.located
        change = "deleted" if key not in found.remote else "updated" if before else "created"
        try:
            if not dry_run:
                _take(found, key, fetched.get(key))
        except BadRequest as error:
            failed.append((key, error))
            continue
        done.append({"kind": key[0], "path": key[1], "state": change, **_moved_to(found, key)})
    if not dry_run:
        found.remember_equal()
        gone = [key for key in state.items if key not in folder.located and key not in found.remote]
        for key in gone:
            if folder.covers(key):  # the state of what another folder has remains
                state.forget(key)
        state.save()
        say_unused(folder)
    _print_pulled(session, found, done, conflicts, failed, dry_run=dry_run)
    if conflicts or failed:
        raise typer.Exit(FAILED)


def _create(root: Path) -> None:
    """Create a folder unless it exists. Raises typer.BadParameter, BadRequest."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise typer.BadParameter(f"{root} is not a folder.") from None
    except OSError as error:
        raise BadRequest(f"{root} cannot be created: {error.strerror}.") from None


def _moved_to(found: Comparison, key: Key) -> dict[str, str]:
    """Return the field of an item with the path that it was moved to in the workspace."""
    return {"moved_to": found.moved[key]} if key in found.moved else {}


def _merge(found: Comparison, key: Key, fetched: tuple[Item, str] | None, *, dry_run: bool) -> list[str] | None:
    """Merge an item that changed on both sides, and write it if possible.

    Return the places that both changed, none if it is merged; None if it was deleted on one side, or the base is lost.
    Raises BadRequest, InvalidWorkflow.
    """
    base = found.state.base_of(key)
    if fetched is None or base is None or key not in found.folder.located:
        return None
    theirs, hash = fetched
    mine = found.folder.read(key)
    content, places = merge_content(key[0], base.content, mine.content, without_secret(theirs.content))
    if not places and loses_comments(key[0], mine.content, content):
        say(terminal_safe(f"{found.folder.file_of(key)}: warning comments_lost: {comments_lost(key[1]).message}"))
    if not places and not dry_run:
        found.folder.write(Item(*key, content))
        found.state.remember(theirs, hash, _MERGED)
    return places


def without_secret(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of an item without the value of a secret variable, which files do not contain."""
    return {name: value for name, value in content.items() if not (name == "value" and content.get("is_secret"))}


def _take(found: Comparison, key: Key, fetched: tuple[Item, str] | None) -> None:
    if fetched is None:
        if key in found.folder.located:
            found.folder.remove(key)
            found.state.forget(key)
        return
    item, digest = fetched
    found.folder.write(item)
    found.state.remember(item, digest, found.folder.digest(key))


def _print_pulled(
    session: Session,
    found: Comparison,
    done: Sequence[dict[str, Any]],
    conflicts: Mapping[Key, Sequence[str]],
    failed: Sequence[tuple[Key, OrvantaError]],
    *,
    dry_run: bool,
) -> None:
    if session.as_json:
        named = [
            {"kind": key[0], "path": key[1], "places": places, **_moved_to(found, key)}
            for key, places in conflicts.items()
        ]
        print_json({"pulled": done, "conflicts": named, "failed": failures(found.folder, failed), "dry_run": dry_run})
        return
    for each in done:
        note = found.note_of((each["kind"], each["path"]))
        print(terminal_safe(f"{each['kind']} {each['path']}: {'would be ' if dry_run else ''}{each['state']}{note}"))
    for key, places in conflicts.items():
        target = found.moved.get(key)
        there = f"in the workspace{at_places(places)}" if target is None else f"moved to {target} in the workspace"
        print(terminal_safe(f"{key[0]} {key[1]}: conflict, changed in the folder and {there}"))
    show_failures(found.folder, failed)
    if any(key in found.moved for key in conflicts):
        say("Repeat your changes of moved items at their new paths, and delete the files at the old ones.")
    if any(key not in found.moved for key in conflicts):
        say("Compare both with `orvanta diff`. `pull --force` takes the workspace's, `push --force` the folder's.")
    if not (done or conflicts or failed):
        print("Nothing to do.")


def at_places(places: Sequence[str]) -> str:
    """Return the end of a sentence about a conflict: the places that both sides changed."""
    return f" at {', '.join(map(_quoted, places))}" if places else ""


def _quoted(place: str) -> str:
    """Return a place in quotes if its keys, which an author chose, could look like several places."""
    return place if _PLAIN_PLACE.fullmatch(place) else json.dumps(place, ensure_ascii=False)


def _compared(session: Session, root: Path, optional: Collection[Kind], *, may_lack: bool = False) -> Comparison:
    if not root.is_dir() and (root.exists() or not may_lack):
        raise typer.BadParameter(f"{root} is not a folder.")
    say_workspace(session)
    folder = open_whole(root, optional)
    say_ambiguous(folder)
    found = compare(session.api, folder, open_state(folder.base, session.api.connection))
    say_hidden(found)
    return found


def _read_added(found: Comparison) -> None:
    """Collect the errors of added items that cannot be read, which a push would refuse."""
    _, failed = unreadable(found.folder, found.of("added"))
    found.failed += failed


def say_workspace(session: Session) -> None:
    """Print which workspace of which server a folder is compared with."""
    connection = session.api.connection
    note = " (the default: ORVANTA_WORKSPACE is not set)" if connection.is_default else ""
    say(terminal_safe(f"Workspace {connection.workspace} on {connection.url}{note}"))


def say_ambiguous(folder: Folder) -> None:
    """Print the items that are left out because it is not known which branch is checked out, if there are any."""
    if not folder.ambiguous:
        return
    branch = folder.settings.checked_out
    reason = "no branch is checked out" if branch is None else f"wmill.yaml does not have the branch {branch}"
    named = sorted(f"{kind} {path}" for kind, path in folder.ambiguous)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    say(
        terminal_safe(
            f"Left alone, because each branch has its own file and {reason}: {', '.join(named[:_NAMED])}{more}. "
            "Check out a branch of wmill.yaml to include them."
        )
    )


def say_unused(folder: Folder) -> None:
    """Warn of files that have no effect: those that nothing refers to, and those in the wrong place."""
    for file, (code, message) in folder.warnings():
        say(terminal_safe(f"{file}: warning {code}: {message}"))
    say_other_code(folder)


def say_other_code(folder: Folder) -> None:
    """Print the files of code outside of f and u, if there are any."""
    if not (names := of_other_code(folder.files)):
        return
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    count = f"{len(names)} {'file' if len(names) == 1 else 'files'} of code outside of f and u"
    say(terminal_safe(f"{count} {'is' if len(names) == 1 else 'are'} left out: {', '.join(names[:_NAMED])}{more}."))


def say_hidden(found: Comparison) -> None:
    """Print the number of items that the caller may not read, if there are any."""
    if count := len(found.hidden):
        items = "1 item is" if count == 1 else f"{count} items are"
        say(f"{items} left out: you, or the token, may not read {'it' if count == 1 else 'them'} in the workspace.")


def show_differences(texts: Iterable[str]) -> None:
    """Print differences: unchanged into a file or pipe, without control characters on a terminal."""
    for text in texts:
        if not sys.stdout.isatty():
            print(text, end="")
            continue
        for line in text.removesuffix("\n").split("\n"):
            print(terminal_safe(line))


def _difference(found: Comparison, key: Key, remote: Item | None) -> str:
    """Return the difference of an item, without the settings that its files lack and that a push leaves unchanged."""
    folder = found.folder
    if remote is not None and key in folder.located:
        try:
            mine, base = folder.read(key), found.state.base_of(key)
        except OrvantaError:
            pass  # it is reported beside the differences
        else:
            content = without_untouched(key[0], remote.content, mine.content, None if base is None else base.content)
            remote = Item(*key, content)
    return _difference_to(folder, key, remote)


def _difference_to(folder: Folder, key: Key, remote: Item | None) -> str:
    theirs = {} if remote is None else folder.files_of(remote)
    mine = folder.bytes_of(folder.located[key]) if key in folder.located else {}
    if key[0] == "script" and mine:  # a push leaves the settings and the lock unchanged whose files it lacks
        for endings in (SCRIPT_SETTINGS, (SCRIPT_LOCK,)):
            if not any(name.endswith(endings) for name in mine):
                theirs = {name: body for name, body in theirs.items() if not name.endswith(endings)}
    return difference_of_files(theirs, mine, "folder")


def difference_of_files(workspace: Mapping[str, bytes], other: Mapping[str, bytes], side: str) -> str:
    """Return the differences of the files of an item as a patch of those of the workspace."""
    lines: list[str] = []
    for name in sorted({*workspace, *other}):
        before = f"workspace/{name}" if name in workspace else _NO_FILE
        after = f"{side}/{name}" if name in other else _NO_FILE
        lines += difflib.unified_diff(_lines(workspace.get(name)), _lines(other.get(name)), before, after)
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_LINE_FEED}\n" for line in lines)


def _lines(body: bytes | None) -> list[str]:
    """Return the lines of a file, which end with line feeds, except for the last one."""
    *lines, last = (body or b"").decode("utf-8", "replace").split("\n")
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]
