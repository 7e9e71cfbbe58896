"""Requirements that a Python script declares in comments: a PEP 723 block, `# requirements:` lists, pins of imports."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Final

from orvanta_platform.errors import InvalidScript

_BLOCK_START: Final = "# /// script"
_BLOCK_END: Final = "# ///"
_LIST_HEADER: Final = re.compile(r"#[ \t]*(extra_)?requirements:[ \t]*$")
_PIN: Final = re.compile(
    r"^[ \t]*(?:import|from)[ \t]+(?P<module>[\w.]+)(?:[ \t]+import[ \t]+(?P<names>[\w, \t]+))?[^#\n]*"
    r"#[ \t]*(?:re)?pin:[ \t]*(?P<requirement>[^#\n]+)$",
    re.MULTILINE,
)
_REQUIREMENT: Final = re.compile(
    r"""(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)
        (?P<extras>\[[A-Za-z0-9._,-]*\])?
        (?P<version>@https?://(?:(?!\$\{)\S)+|(?:===|[=~!<>]=|[<>])[A-Za-z0-9.*+!_-]+(?:,(?:===|[=~!<>]=|[<>])[A-Za-z0-9.*+!_-]+)*)?$""",
    re.VERBOSE,
)
_MARKER: Final = re.compile(r"[A-Za-z0-9_.'\"<>=!~() \t-]+$")


@dataclass(slots=True)
class Declared:
    """Requirements as written."""

    whole: list[str] | None = None
    """Requirements that replace the imports; None if the imports count."""
    extra: list[str] = field(default_factory=list)
    """Requirements in addition to the imports or to `whole`."""


def declared(content: str) -> Declared:
    """Return the declarations of a script; a PEP 723 block overrides lists. Raises InvalidScript for a broken block."""
    found = Declared()
    block: list[str] | None = None
    target: list[str] | None = None
    for line in content.replace("\r\n", "\n").split("\n"):  # a block ends where Python and its readers see it end
        if block is not None:
            if line.rstrip() == _BLOCK_END:
                return Declared(_dependencies(block))
            if line == "#" or line.startswith("# "):
                block.append(line[2:])
                continue
            block = None
        if line.rstrip() == _BLOCK_START:
            block, target = [], None
        elif (match := _LIST_HEADER.match(line)) is not None:
            if not match[1]:
                found.whole = found.whole or []
            target = found.extra if match[1] else found.whole
        elif target is not None:
            entry = line.lstrip("#").strip() if line.startswith("#") else ""
            if entry:
                target.append(entry)
            else:
                target = None
    return found


def pins(content: str) -> list[tuple[list[str], str]]:
    """Return the imports with a comment `# pin: <requirement>` or `# repin: …`: their modules, and the requirement."""
    found = []
    for match in _PIN.finditer(content) if "pin:" in content else ():
        names = [name.split()[0] for name in (match["names"] or "").split(",") if name.strip()]
        modules = [match["module"], *(f"{match['module']}.{name}" for name in names)]
        found.append((modules, match["requirement"].strip()))
    return found


def _dependencies(block: list[str]) -> list[str]:
    try:
        listed = tomllib.loads("\n".join(block)).get("dependencies", [])
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidScript(f"The script's PEP 723 block cannot be read: {error}.") from error
    if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
        raise InvalidScript("`dependencies` in the script's PEP 723 block must be a list of strings.")
    return listed


def read(entries: list[str]) -> dict[str, str]:
    """Return normal name → rest of the requirement. Raises InvalidScript, also for options and paths."""
    found: dict[str, str] = {}
    for entry in entries:
        name, rest = _split(entry)
        if found.get(name, rest) != rest:
            message = f"The script requires {name} twice with different versions."
            raise InvalidScript(message, hint="Remove one of them.")
        found[name] = rest
    return found


def _split(entry: str) -> tuple[str, str]:
    head, semicolon, marker = entry.partition(";")
    has_space = re.search(r"[A-Za-z0-9][ \t]+[A-Za-z0-9]", head)
    match = None if has_space else _REQUIREMENT.match(re.sub(r"[\s()]", "", head))
    if match is None or (semicolon and not _MARKER.match(marker)):
        raise InvalidScript(
            f"{entry[:200]!r} is not a valid requirement.",
            hint="Write name, name==1.2, name[extra]>=1,<2 or name @ https://…; options and paths are not allowed.",
        )
    version = match["version"] or ""
    version = f" @ {version[1:]}" if version.startswith("@") else version
    condition = f" ; {marker.strip()}" if semicolon else ""
    return normal_name(match["name"]), (match["extras"] or "") + version + condition


def normal_name(name: str) -> str:
    """Return a distribution's name in normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
