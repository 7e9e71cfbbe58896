"""Settings of a process as the pages show them, and their reference page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass
from typing import Any

from orvanta_platform.settings import Settings, setting_fields
from orvanta_platform.units import size_text


@dataclass(frozen=True, slots=True)
class EnvironmentSetting:
    """A setting of a process as superadmins see it."""

    name: str
    text: str
    is_set: bool
    """The environment has a value."""
    value: str | None
    """Effective value; a mask if it is secret, None if it has none."""


def describe(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[EnvironmentSetting]:
    """Return the settings of this process, without the values of secret ones."""
    return [
        EnvironmentSetting(
            row.metadata["name"],
            row.metadata["text"],
            bool(environ.get(row.metadata["name"])),
            _shown(getattr(settings, row.name), row.metadata),
        )
        for row in setting_fields()
    ]


def _shown(value: Any, meta: Mapping[str, Any]) -> str | None:
    if value in (None, ()):
        return None
    if meta["secret"]:
        return "***"
    if meta["unit"] == "size":
        return size_text(value)
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def reference() -> str:
    """Return the page docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        "Settings are read from the environment when a process starts. An empty value counts as unset; an unknown",
        "name that starts with `ORVANTA_` is an error. Sizes accept the units B, KB, MB, GB, KiB, MiB and GiB.",
        "",
        "| name | default | unit | meaning |",
        "|---|---|---|---|",
    ]
    lines += [_reference_row(row) for row in setting_fields()]
    return "\n".join(lines) + "\n"


def _reference_row(row: Field[Any]) -> str:
    meta = row.metadata
    default = meta["shown"] or str(row.default)
    text = meta["text"] + (" Secret." if meta["secret"] else "")
    return f"| `{meta['name']}` | {default} | {meta['unit']} | {text} |"
