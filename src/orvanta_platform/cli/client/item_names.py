"""Names that the platform allows for the items of a tree, checked as the server does."""

from __future__ import annotations

from orvanta_platform.control import names
from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.playback.document import check_name as check_test_name
from orvanta_platform.workflow.tree.item import Key, parts_of_test


def check_name(key: Key) -> None:
    """Check that the path of an item, or its name, is one that the platform allows. Raises BadRequest."""
    kind, path = key
    match kind:
        case "folder":
            names.check_folder(path)
        case "group" | "resource_type":
            names.check_name(kind.replace("_", " "), path)
        case "user":
            names.check_email(path)
        case "settings":
            pass  # its file has a fixed name
        case "workflow_test":
            workflow, name = parts_of_test(path)
            names.check_path(workflow)
            check_test_name(name)
        case _:
            names.check_path(path)


def name_fault(key: Key) -> Diagnostic | None:
    """Return the error of an item whose path or name is not allowed."""
    try:
        check_name(key)
    except BadRequest as error:
        hint = "" if error.hint is None else f" {error.hint}"
        return Diagnostic("invalid_path", "error", None, "", error.message + hint)
    return None
