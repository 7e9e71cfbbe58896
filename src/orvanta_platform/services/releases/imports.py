"""Import of releases from files that this instance or others exported and signed."""

from __future__ import annotations

from typing import Final

import msgspec

from orvanta_platform.control import limits, names, release_signatures
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import TRUSTED_RELEASE_KEYS
from orvanta_platform.control.permissions import can
from orvanta_platform.db import releases as rows
from orvanta_platform.errors import BadRequest, Forbidden, UntrustedRelease
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.changes import contents, writers
from orvanta_platform.services.changes.change_sets import MAX_CONTENT_SIZE
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import releases
from orvanta_platform.services.releases.collect import check_size, dependencies_in, make_bundle, requirements_of
from orvanta_platform.services.releases.releases import FORMAT, Release, SignedRelease
from orvanta_platform.workflow import document
from orvanta_platform.workflow.diagnostics import errors, invalid
from orvanta_platform.workflow.releases.adapt import release_content
from orvanta_platform.workflow.releases.bundle import KINDS, Bundle, BundleItem, decode
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.plan import Wanted
from orvanta_platform.workflow.validate import validate

THIS_INSTANCE: Final = "this instance"


async def import_file(platform: Platform, actor: Actor, workspace: str, file: SignedRelease) -> Release:
    """Store a release from a file as the next release of the workspace.

    The actor must be able to write all items. Raises NotFound, Forbidden, BadRequest, TooLarge, RateLimited,
    InvalidWorkflow, UntrustedRelease if the file was signed neither with the key of this instance nor with one that
    superadmins trust.
    """
    releases.require_write(actor, workspace)
    limits.check_text("Notes", file.notes)
    name = await _get_signer(platform, file)
    if file.format != FORMAT:
        raise BadRequest(f"The file has the format {file.format}; this version reads {FORMAT}.")
    async with platform.turns.take("changes", workspace, actor.email):
        bundle = await document_threads.run_in_thread(workspace, _open_bundle, file.body)
    _require_writable(actor, workspace, bundle)
    origin = {"name": name, "public_key": file.public_key, "workspace": file.workspace, "number": file.number}
    authors = [*file.authors, *await _list_own_authors(platform, file)]
    return await releases.store(platform, actor, workspace, bundle, file.notes, origin, authors)


async def _list_own_authors(platform: Platform, file: SignedRelease) -> list[str]:
    """Return the authors of a release of this instance, which files of earlier versions do not name."""
    if file.public_key != release_signatures.public_key(platform.keys):
        return []
    async with platform.db.acquire() as conn:
        return await rows.list_authors_by_number(conn, file.workspace, file.number)


async def _get_signer(platform: Platform, file: SignedRelease) -> str:
    """Return the name of the instance whose key signed the file. Raises UntrustedRelease."""
    own = {THIS_INSTANCE: release_signatures.public_key(platform.keys)}
    keys = await platform.instance.get(TRUSTED_RELEASE_KEYS) | own
    name = next((each for each, key in keys.items() if key == file.public_key), None)
    if name is None or not release_signatures.verifies(keys[name], releases.signed_text(file), file.signature):
        raise UntrustedRelease(
            "The file was not signed with a key that this instance trusts.",
            hint="A superadmin adds the key of the other instance (orvanta release key) to `trusted_release_keys`.",
        )
    return name


def _open_bundle(body: str) -> Bundle:
    """Return the bundle of a file, as this instance would have made it. Raises BadRequest, InvalidWorkflow."""
    try:
        bundle = decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The content of the file is not valid: {str(error)[:300]}.") from None
    if not (bundle.items or bundle.removed) or len({each.key for each in bundle.items}) < len(bundle.items):
        raise BadRequest("The file contains no items, or an item twice.")
    check_size(max(len(bundle.items), len(bundle.removed)))
    for each in bundle.removed:
        names.check_path(each.path)
    items = {each.key: _check_item(each) for each in bundle.items}
    found = dependencies_in(Item(each.kind, each.path, each.content) for each in items.values())
    types = {each.path: each.resource_type for each in bundle.requirements if each.kind == "resource"}
    return make_bundle(items, requirements_of(found, types), bundle.enabled, bundle.removed)


def _check_item(item: BundleItem) -> BundleItem:
    """Return an item whose content is that of its kind. Raises BadRequest, InvalidWorkflow."""
    if item.kind not in KINDS:
        raise BadRequest(f"A release cannot contain the {item.kind[:100]} {item.path[:200]}.")
    if item.kind == "resource_type":
        names.check_name("resource type", item.path)
    else:
        names.check_path(item.path)
    writers.size_of(Wanted(item.kind, item.path, None, item.content), MAX_CONTENT_SIZE)
    content = writers.check(Wanted(item.kind, item.path, None, item.content)).content
    assert content is not None
    if item.kind == "flow":
        faults = validate(document.parse(content["text"].encode(), "yaml", limit_yaml=True).tree)
        if errors(faults):
            raise invalid(faults)
    return BundleItem(kind=item.kind, path=item.path, content=release_content(item.kind, content))


def _require_writable(actor: Actor, workspace: str, bundle: Bundle) -> None:
    for kind, path in bundle.item_keys():
        if not can(actor, "write", contents.target_of(workspace, (kind, path))):
            raise Forbidden(
                f"The release contains the {kind} {path[:200]}, which you may not write in {workspace}.",
                hint="An admin of the workspace can import it.",
            )
