"""Import of archives: their files as the items of a change set."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import structs

from orvanta_platform.control.actor import Actor
from orvanta_platform.errors import BadRequest, OrvantaError
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.changes import contents, writers
from orvanta_platform.services.changes.change_sets import (
    MAX_CONTENT_SIZE,
    require_optional,
    require_reader,
    too_large,
)
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.releases.adapt import environment_content
from orvanta_platform.workflow.tree.item import Item, Key, Kind
from orvanta_platform.workflow.tree.paths import Located, locate, with_runtime
from orvanta_platform.workflow.tree.plan import Wanted
from orvanta_platform.workflow.tree.reading import read
from orvanta_platform.workflow.tree.stored_text import comments_lost, edit_stored_text, is_json
from orvanta_platform.workflow.tree.unpack import unpack

_TRIGGERS: Final[tuple[Kind, ...]] = ("schedule", "http_trigger")


class ArchivedItems(msgspec.Struct, frozen=True):
    """Contents of an archive."""

    items: Sequence[Item]
    failed: Sequence[tuple[Key, OrvantaError]]
    """Items that cannot be read."""
    left_out: Sequence[str]
    """Names of the files that belong to no item, or to one of an optional kind that was not asked for."""
    warnings: Sequence[Diagnostic] = ()
    """Effects of storing the items that a plan does not show."""


async def read_archive(
    platform: Platform,
    actor: Actor,
    workspace: str,
    body: bytes,
    default_ts: Literal["bun", "deno"] = "bun",
    optional: Collection[Kind] = (),
) -> ArchivedItems:
    """Return the items in an archive, as exported by the server or written by `orvanta pull`. Nothing is changed.

    An archive does not start what it contains: schedules and HTTP triggers that the workspace lacks are disabled, and
    others have no state, so that theirs remains. A workflow in JSON has no comments: its item has the YAML text of the
    workspace, edited to contain its values. If that is not possible, a warning names it.

    `default_ts`: language of files that end in `.ts`. `optional`: the optional kinds that are read, for admins. Raises
    NotFound, Forbidden, BadRequest, TooLarge, RateLimited.
    """
    require_reader(actor, workspace)
    require_optional(actor, workspace, optional)
    async with platform.turns.take("changes", workspace, actor.email):
        reader = await document_threads.run_in_thread(workspace, _Reader, body, default_ts, optional)
        await document_threads.run_in_slices(workspace, reader.read())
        found = reader.found()
        adapter = _Adapter(found.items, reader.json_flows)
        async for reading in contents.read_parts(platform.db.acquire, actor, workspace, adapter.keys, "trees"):
            await document_threads.run_in_slices(workspace, adapter.adapt(reading))
        return structs.replace(found, items=adapter.items(), warnings=adapter.warnings)


class _Adapter:
    """Adapts the items of an archive to those of the workspace."""

    def __init__(self, items: Sequence[Item], json_flows: Collection[Key]) -> None:
        self.keys = [item.key for item in items if item.kind in _TRIGGERS or item.key in json_flows]
        """Items whose present contents are necessary."""
        self.warnings: list[Diagnostic] = []
        self._items = {item.key: item for item in items}
        self._present: set[Key] = set()

    def adapt(self, reading: contents.Reading) -> Generator[None, None, None]:
        """Adapt the items to some of those of the workspace, one after the other."""
        for key, present in contents.decode(reading):
            yield
            self._present.add(key)
            item = self._items[key]
            content = self._edit_text(item, present) if item.kind == "flow" else _without_start(item, present.content)
            self._items[key] = Item(item.kind, item.path, content)

    def items(self) -> list[Item]:
        """Return the adapted items."""
        return [
            Item(item.kind, item.path, _without_start(item, None))
            if item.kind in _TRIGGERS and item.key not in self._present
            else item
            for item in self._items.values()
        ]

    def _edit_text(self, item: Item, present: contents.Present) -> Mapping[str, Any]:
        """Return the content of a workflow with the present YAML text, edited to contain its values."""
        edited = edit_stored_text(present.content, item.content)
        if edited.comments_lost:
            self.warnings.append(comments_lost(item.path))
        return edited.content


def _without_start(item: Item, present: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the content of a trigger that starts no runs unless its present version does."""
    return environment_content(item.kind, item.content, present, enabled=False)


class _Reader:
    """Reads the items of an archive."""

    def __init__(self, body: bytes, default_ts: str, optional: Collection[Kind]) -> None:
        self._files = unpack(body)
        names = {with_runtime(name, "deno") if default_ts == "deno" else name: name for name in self._files}
        self._located = locate(names, optional)
        self._used = {names[name] for each in self._located for name in each.files}
        if sum(len(self._files[name]) for name in self._used if not name.endswith(".json")) > MAX_CONTENT_SIZE:
            raise too_large()  # YAML takes long to parse
        # Workflows include files by the names that these have in the archive.
        self._readable = {**self._files, **{name: self._files[source] for name, source in names.items()}}
        self.json_flows: set[Key] = set()
        """Workflows that were read from JSON."""
        self._items: list[Item] = []
        self._failed: list[tuple[Key, OrvantaError]] = []

    def read(self) -> Generator[None, None, None]:
        """Read one item after the other. Raises BadRequest, TooLarge."""
        size = 0
        first: dict[Key, str] = {}
        for each in self._located:
            yield
            try:
                _require_single(each, first)
                item = read(each, self._readable, limited=True)
            except OrvantaError as error:
                self._failed.append((each.key, error))
                continue
            size += writers.size_of(Wanted(item.kind, item.path, None, item.content), MAX_CONTENT_SIZE)
            if size > MAX_CONTENT_SIZE:
                raise too_large()
            self._items.append(item)
            if is_json(each):
                self.json_flows.add(item.key)

    def found(self) -> ArchivedItems:
        """Return what was read."""
        failed = {key for key, _ in self._failed}
        items = [each for each in self._items if each.key not in failed]
        return ArchivedItems(items, self._failed, sorted(self._files.keys() - self._used))


def _require_single(located: Located, first: dict[Key, str]) -> None:
    """Check that no other file is the same item. `first`: the first file of each item. Raises BadRequest."""
    file = located.files[0]
    if (other := first.setdefault(located.key, file)) != file:
        raise BadRequest(
            f"{other} and {file} are both the {located.kind} {located.path}.", hint="Delete or rename one of them."
        )
