"""Types and bounds of the settings that are deployed beside the code of a script or the document of a workflow.

Unknown keys are allowed, and null stands for an absent setting. Settings that both kinds have are checked alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from orvanta_platform.errors import InvalidItemSettings
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.grammar import DEBOUNCE, DOCUMENT, MAX_WAIT_S, RETRY
from orvanta_platform.workflow.shapes import Anything, Boolean, Items, Members, Number, Record, Shape, Text

_TEXT: Final = Text()
_FLAG: Final = Boolean()
_SECONDS: Final = Number(low=0)

SCRIPT: Final[Mapping[str, Shape]] = {
    "summary": _TEXT,
    "description": _TEXT,
    "schema": Anything(),  # checked as a JSON Schema
    "kind": Anything(),  # checked as the name of a kind
    "is_template": _FLAG,
    "tag": _TEXT,
    "envs": Items(_TEXT),
    "concurrent_limit": Number(low=0, whole=True),
    "concurrency_time_window_s": _SECONDS,
    "concurrency_key": _TEXT,
    "cache_ttl": _SECONDS,
    "cache_ignore_s3_path": _FLAG,
    "dedicated_worker": _FLAG,
    "ws_error_handler_muted": _FLAG,
    "priority": Number(whole=True),  # runs use the nearest of 0 to 100
    "restart_unless_cancelled": _FLAG,
    "timeout": Number(0, MAX_WAIT_S),
    "delete_after_secs": _SECONDS,
    "delete_after_use": _FLAG,
    **DEBOUNCE,
    "visible_to_runner_only": _FLAG,
    "auto_kind": _TEXT,
    "codebase": _TEXT,
    "has_preprocessor": _FLAG,
    "no_main_func": _FLAG,
    "on_behalf_of_email": _TEXT,
    "assets": Items(Members(Anything())),
    "modules": Members(Anything()),
    "labels": Items(_TEXT),
}
"""Settings of scripts."""

_SCRIPT: Final = Record({**SCRIPT, "retry": RETRY})
"""Scripts have no retry of their own, but one with a wrong type would hide that from its author."""
_WORKFLOW: Final = Record(
    {name: SCRIPT.get(name, shape) for name, shape in DOCUMENT.known.items() if name not in ("value", "schema")}
)
_USED_BY_RUNS: Final = Record({"tag": _TEXT, "timeout": Number()})
"""Settings that no run can start with if they have another type."""


_CORRECT: Final = "Correct the setting, or leave it out. Other items can be deployed without this one."


class _DiagnosticCollector(msgspec.Struct):
    """Collects the findings of shapes as diagnostics."""

    found: list[Diagnostic] = msgspec.field(default_factory=list)

    def fault(self, code: str, path: str, message: str) -> None:
        named = "the setting " + path.removeprefix("/").replace("/", ".")
        self.found.append(Diagnostic(code, "error", None, path, message.replace(path, named, 1)))

    def expression(self, path: str, text: str) -> None:
        """Accept any text; expressions of settings are parsed when they are evaluated."""

    def agent_filled(self, path: str) -> None:
        """Ignored: settings have no input transforms."""


def script_faults(settings: Mapping[str, Any]) -> list[Diagnostic]:
    """Return a diagnostic for each setting of a script whose value has a wrong type or is out of bounds."""
    return _faults(settings, _SCRIPT)


def check_script(settings: Mapping[str, Any]) -> None:
    """Check the settings of a script. Raises InvalidItemSettings with all diagnostics."""
    _refuse("The script cannot be deployed", script_faults(settings), hint=_CORRECT)


def check_workflow(settings: Mapping[str, Any]) -> None:
    """Check settings that a call sends beside the value of a workflow. Raises InvalidItemSettings."""
    _refuse("The workflow cannot be deployed", _faults(settings, _WORKFLOW), hint=_CORRECT)


def require_usable(name: str, settings: Mapping[str, Any]) -> None:
    """Check the deployed settings of `name` that its runs use. Raises InvalidItemSettings.

    Earlier versions of the platform stored any value; one that is false, such as "", counts as a missing one.
    """
    tag, timeout = settings.get("tag") or None, settings.get("timeout") or None
    if (tag is None or isinstance(tag, str)) and (timeout is None or type(timeout) in (int, float)):
        return
    hint = "Deploy it again with a valid value."
    _refuse(f"The {name} cannot run", _faults({"tag": tag, "timeout": timeout}, _USED_BY_RUNS), hint=hint)


def _faults(settings: Mapping[str, Any], shape: Record) -> list[Diagnostic]:
    reader = _DiagnosticCollector()
    shape.check(_without_nulls(settings), "", reader)
    return reader.found


def _without_nulls(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without nulls, also in `retry`, where clients send them for absent parts."""
    present = {name: value for name, value in settings.items() if value is not None}
    retry = present.get("retry")
    if isinstance(retry, dict):
        present["retry"] = {
            name: {key: each for key, each in part.items() if each is not None} if isinstance(part, dict) else part
            for name, part in retry.items()
            if part is not None
        }
    return present


def _refuse(sentence: str, found: list[Diagnostic], *, hint: str | None = None) -> None:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        details = [each.as_dict() for each in found]
        raise InvalidItemSettings(f"{sentence}: {found[0].message}{more}.", hint=hint, details=details)
