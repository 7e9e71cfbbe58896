"""Archives of a workspace: its items as JSON files, in a zip or tar file with the same bytes for the same items."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Container, Generator, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import workflow_tests
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import InvalidWorkflow, NotFound
from orvanta_platform.evaluate.raw import decode_string
from orvanta_platform.orchestrator import document_threads, secret_access
from orvanta_platform.services.changes import contents
from orvanta_platform.services.changes.change_sets import require_optional
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import export_keys
from orvanta_platform.workflow import document
from orvanta_platform.workflow.tree.extensions import LANGUAGES
from orvanta_platform.workflow.tree.item import FIELDS, OPTIONAL_KINDS, Item, Key, Kind, parts_of_test, path_of_test

ArchiveType: TypeAlias = Literal["zip", "tar"]
SecretMode: TypeAlias = Literal["blank", "encrypted", "plain"]

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o777
_MAX_TESTS: Final = 1_000_000
_MAX_SHOWN: Final = 5
"""Names of items in the message of an error."""
_SUFFIXES: Final[Mapping[str, str]] = {
    "resource_type": ".resource-type.json",
    "variable": ".variable.json",
    "resource": ".resource.json",
    "schedule": ".schedule.json",
    "http_trigger": ".http_trigger.json",
}


class ArchiveOptions(msgspec.Struct, frozen=True):
    """Contents of an archive."""

    secret_mode: SecretMode = "blank"
    """Values of secret variables: empty, encrypted with the export key, or in clear."""
    skip_variables: bool = False
    skip_resources: bool = False
    skip_resource_types: bool = False
    skip_secrets: bool = False
    include_schedules: bool = False
    include_triggers: bool = False
    include_users: bool = False
    include_groups: bool = False
    include_settings: bool = False
    include_key: bool = False
    include_tests: bool = False
    """Include the tests of the workflows, a kind of file of Orvanta only."""
    default_ts: Literal["bun", "deno"] = "bun"
    items: Collection[Key] | None = None
    """The scripts and workflows to export, with nothing else; None: the whole workspace."""

    def kinds(self) -> set[Kind]:
        """Return the kinds of items that the archive contains."""
        chosen: dict[Kind, bool] = {
            "folder": True,
            "script": True,
            "flow": True,
            "variable": not self.skip_variables,
            "resource": not self.skip_resources,
            "resource_type": not self.skip_resource_types,
            "schedule": self.include_schedules,
            "http_trigger": self.include_triggers,
            "group": self.include_groups,
            "workflow_test": self.include_tests,
            "user": self.include_users,
            "settings": self.include_settings,
        }
        return {kind for kind, included in chosen.items() if included}

    def optional_kinds(self) -> set[Kind]:
        """Return the optional kinds of items that the archive contains."""
        return self.kinds().intersection(OPTIONAL_KINDS)

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of an export in the audit trail; `items` is their number, null for all."""
        return {
            "kinds": sorted(self.kinds()),
            "secret_mode": "skip" if self.skip_secrets else self.secret_mode,
            "include_key": self.include_key,
            "items": None if self.items is None else len(self.items),
        }


async def create(
    platform: Platform, actor: Actor, workspace: str, archive_type: ArchiveType, options: ArchiveOptions
) -> bytes:
    """Return an archive of the items that the actor may read.

    Raises NotFound also for one of `items` that does not exist, Forbidden for parts that only admins may read,
    SecretIsWriteOnly for secrets in clear that the actor may not read, RateLimited if too many archives of the
    workspace are waiting.
    """
    require(actor, "read", Target(workspace, "workspace"))
    if options.secret_mode == "encrypted":
        export_keys.require_admin(actor, workspace, "export secrets")
    # Before anything is read: an archive that is refused costs nothing.
    require_optional(actor, workspace, options.optional_kinds())
    if options.include_key:
        export_keys.require_admin(actor, workspace, "export the key")
    async with platform.turns.take("archive", workspace, actor.email):
        return await _archive(platform, actor, workspace, archive_type, options)


async def _archive(
    platform: Platform, actor: Actor, workspace: str, archive_type: ArchiveType, options: ArchiveOptions
) -> bytes:
    async def read(conn: Connection) -> contents.Reading:
        await audit.record(conn, actor, "workspaces.export", "Execute", workspace, parameters=options.parameters())
        keys = await _keys(conn, workspace, options)
        return await contents.read(conn, actor, workspace, keys, optional=options.optional_kinds(), depth="trees")

    files = _Files(options)
    await document_threads.run_in_slices(workspace, files.add_all(await platform.db.retrying(read, snapshot=True)))
    _require_all(options.items or (), files.keys)
    for item in await _with_secrets(platform, actor, workspace, files.secrets, options.secret_mode):
        files.add(item)
    if options.include_key:
        files.add_body("encryption_key.json", _json(await export_keys.get_key(platform, actor, workspace)))
    return await document_threads.run_in_thread(workspace, _pack, archive_type, files.compressed)


async def _keys(conn: Connection, workspace: str, options: ArchiveOptions) -> Collection[Key] | None:
    """Return the items to read, None for all: those to export, and the tests of their workflows."""
    if options.items is None or not options.include_tests:
        return options.items
    flows = [path for kind, path in options.items if kind == "flow"]
    tests = await workflow_tests.list_names(conn, workspace, flows, _MAX_TESTS)
    return [*options.items, *(("workflow_test", path_of_test(each.path, each.name)) for each in tests)]


def _require_all(keys: Collection[Key], found: Container[Key]) -> None:
    """Check that all items were found. Raises NotFound."""
    missing = [" ".join(key) for key in keys if key not in found]
    if missing:
        shown = ", ".join(each[:200] for each in missing[:_MAX_SHOWN])
        raise NotFound(f"{len(missing)} of the items {'does' if len(missing) == 1 else 'do'} not exist: {shown}.")


async def _with_secrets(
    platform: Platform, actor: Actor, workspace: str, items: list[Item], mode: SecretMode
) -> list[Item]:
    """Return secret variables with their values. Raises SecretIsWriteOnly, SecretUnreadable."""
    if not items:
        return []
    paths = [item.path for item in items]
    if mode == "encrypted":
        values = await export_keys.encrypted_values(platform, actor, workspace, paths)
    else:
        values = {
            path: decode_string(await secret_access.read(platform, actor, workspace, "variable", path))
            for path in paths
        }
    return [
        Item(item.kind, item.path, {**item.content, "value": values[item.path]}) if item.path in values else item
        for item in items
    ]


class _Files:
    """Files of an archive."""

    def __init__(self, options: ArchiveOptions) -> None:
        self.compressed: dict[str, bytes] = {}
        """Compressed contents by name. A workspace has contents that are much larger than its archive."""
        self.keys: set[Key] = set()
        """Items that were read."""
        self.secrets: list[Item] = []
        """Secret variables whose values are to be added."""
        self._options = options

    def add_all(self, reading: contents.Reading) -> Generator[None, None, None]:
        """Add the items that were read, and release them."""
        kinds = self._options.kinds()
        while reading:
            for key, present in contents.decode([reading.pop(0)]):
                yield
                self.keys.add(key)
                item = Item(*key, present.content)
                is_secret = item.kind == "variable" and bool(item.content.get("is_secret"))
                if item.kind not in kinds or (is_secret and self._options.skip_secrets):
                    continue
                if is_secret and self._options.secret_mode != "blank":
                    self.secrets.append(item)
                else:
                    self.add(item)

    def add(self, item: Item) -> None:
        """Add the files of an item."""
        for name, body in _entries(item, self._options).items():
            self.add_body(name, body)

    def add_body(self, name: str, body: bytes) -> None:
        """Add a file."""
        self.compressed[name] = zlib.compress(body, 1)


def _entries(item: Item, options: ArchiveOptions) -> dict[str, bytes]:
    match item.kind:
        case "flow":
            if "tree" in item.content:
                return {f"{item.path}.flow.json": _json(item.content["tree"])}
            text = item.content["text"].encode()
            try:
                return {f"{item.path}.flow.json": _json(document.parse(text, "yaml").tree)}
            except InvalidWorkflow:  # stored before its notation was refused
                return {f"{item.path}.flow.yaml": text}
        case "script":
            always = {"summary": "", "description": "", "kind": "script"}
            settings = {"lock": item.content.get("lock", ""), **always, **item.content["settings"]}
            source = item.path + _extension(item.content["language"], options.default_ts)
            return {source: item.content["content"].encode(), f"{item.path}.script.json": _json(settings)}
        case "folder":
            return {f"f/{item.path}/folder.meta.json": _json({"display_name": item.path, **item.content})}
        case "group":
            return {f"groups/{item.path}.group.json": _json({"name": item.path, **_group(item.content)})}
        case "user":
            return {f"users/{item.path}.user.json": _json({**item.content, "email": item.path})}
        case "settings":
            return {"settings.json": _json({name: item.content.get(name) for name in FIELDS["settings"]})}
        case "workflow_test":
            flow, name = parts_of_test(item.path)
            return {f"{flow}.flow/tests/{name}.json": _json(item.content)}
        case "variable":
            return {item.path + _SUFFIXES["variable"]: _json({"value": "", **item.content})}
        case _:
            return {item.path + _SUFFIXES[item.kind]: _json(item.content)}


def _group(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group as in archives, where `members` are those that are not managers.

    Archives have no managers that are not members: these have a key of their own, which the published client ignores.
    """
    members, managers = content["members"], content["managers"]
    others = [username for username in managers if username not in members]
    return {
        **({"summary": content["summary"]} if "summary" in content else {}),
        "members": [f"u/{username}" for username in members if username not in managers],
        "admins": [f"u/{username}" for username in managers if username in members],
        **({"managers": others} if others else {}),
    }


def _extension(language: str, default: str) -> str:
    if language in ("bun", "bunnative", "deno"):
        named = "deno" if language == "deno" else "bun"
        return ".ts" if named == default else f".{named}.ts"
    return next((ending for ending, each in LANGUAGES.items() if each == language), f".{language}")


def _json(tree: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(tree), indent=2)


def _pack(archive_type: ArchiveType, compressed: Mapping[str, bytes]) -> bytes:
    files = ((name, zlib.decompress(compressed[name])) for name in sorted(compressed))
    buffer = io.BytesIO()
    if archive_type == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, body in files:
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = _MODE << 16
                archive.writestr(entry, body)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, body in files:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), _MODE
            archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()
