"""Settings of a tree that other clients store in it, in the file `wmill.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from orvanta_platform.cli.client import globs
from orvanta_platform.cli.client.globs import Glob
from orvanta_platform.errors import BadRequest, InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.tree.item import Kind
from orvanta_platform.workflow.tree.paths import FORMATS

_FILE: Final = "wmill.yaml"
_HEAD: Final = "ref: refs/heads/"
_COMMON: Final = "commonSpecificItems"
_NOT_IN_NAMES: Final = re.compile(r'[/\\:*?"<>|.]')
_AREAS: Final = ("f/", "u/")
_SKIPS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "skipVariables": ("variable",),
    "skipResources": ("resource",),
    "skipResourceTypes": ("resource_type",),
    "skipScripts": ("script",),
    "skipFlows": ("flow", "workflow_test"),
    "skipFolders": ("folder",),
}
_INCLUDES: Final[Mapping[str, Kind]] = {
    "includeSchedules": "schedule",
    "includeTriggers": "http_trigger",
    "includeGroups": "group",
}
"""Settings whose value false leaves out a kind. Without them it is included."""
_SPECIFIC: Final = re.compile(
    rf"(?P<path>[^/]+)\.(?P<branch>[^./]+)(?P<kind>\.(?:variable|resource|schedule|[a-z]+_trigger)(?:{'|'.join(FORMATS)}))"
)


class TreeSettings(msgspec.Struct, frozen=True):
    """Settings that determine what the names of files mean."""

    typescript: Literal["bun", "deno"] = "bun"
    """Language of scripts in files `.ts`."""
    branches: frozenset[str] = frozenset()
    """Branches of the repository that have items of their own, as in names of files."""
    branch: str | None = None
    """The branch that is checked out, if it is one of them."""
    checked_out: str | None = None
    """Name of the branch that is checked out; None if that is not known, as in a checkout of a single commit."""
    excluded: tuple[Glob, ...] = ()
    """Globs of the names of files that are left out."""
    included: tuple[tuple[Glob, ...], ...] = ()
    """Lists of globs, each of which has one for the files below f and u that are not left out."""
    skipped: frozenset[Kind] = frozenset()
    """Kinds of items that are left out."""
    skips_secrets: bool = False
    """Secret variables are left out."""

    def excludes(self, name: str) -> bool:
        """Return whether a file of the tree is left out, such as a test of scripts beside them."""
        return any(globs.matches(glob, name) for glob in self.excluded)

    def leaves_out(self, kind: Kind, name: str) -> bool:
        """Return whether an item is left out because of its kind or the name of its first file."""
        is_below = name.startswith(_AREAS)
        is_included = all(any(globs.matches(glob, name) for glob in each) for each in self.included)
        return kind in self.skipped or self.excludes(name) or (is_below and not is_included)

    def common_name(self, name: str) -> str | None:
        """Return the name of a file without the branch, `a.resource.yaml` for `a.main.resource.yaml`.

        Returns None for a file of another branch, and names without a branch unchanged.
        """
        folder, slash, last = name.rpartition("/")
        found = _SPECIFIC.fullmatch(last)
        if found is None or found["branch"] not in self.branches:
            return name
        return f"{folder}{slash}{found['path']}{found['kind']}" if found["branch"] == self.branch else None

    def ambiguous_name(self, name: str) -> str | None:
        """Return the name of a file without the branch if the file may be that of an item or not, because none of the
        branches with items of their own is known to be checked out. Returns None for other files.
        """
        if self.branch is not None or self.common_name(name) is not None:
            return None
        folder, slash, last = name.rpartition("/")
        found = _SPECIFIC.fullmatch(last)
        return None if found is None else f"{folder}{slash}{found['path']}{found['kind']}"


def read_settings(folder: Path) -> TreeSettings:
    """Return the settings in the nearest `wmill.yaml` of a folder and those above; the defaults if there is none, or
    if it is empty.

    Raises BadRequest for a file that is not valid, because it may exclude files and determine languages.
    """
    whole = folder.absolute()
    for each in (whole, *whole.parents):
        try:
            source = (each / _FILE).read_bytes()
        except OSError:
            continue
        try:
            tree = document.parse(source, "yaml", limit_aliases=True).tree
        except InvalidWorkflow as error:
            if error.details[0]["code"] == "not_an_object":
                return TreeSettings()
            raise BadRequest(f"{each / _FILE} cannot be read: {error.message}.", hint=error.hint) from None
        return _settings(tree, _checked_out(each))
    return TreeSettings()


def _settings(tree: Mapping[str, Any], checked_out: str | None) -> TreeSettings:
    branches = {_NOT_IN_NAMES.sub("_", name): branch for name, branch in _environments(tree).items()}
    current = next((name for name, branch in branches.items() if branch == checked_out), None)
    included = tuple(filter(None, (_globs(tree.get(key)) for key in ("includes", "extraIncludes"))))
    skipped = frozenset(kind for key, kinds in _SKIPS.items() if tree.get(key) is True for kind in kinds)
    skipped |= frozenset(kind for key, kind in _INCLUDES.items() if tree.get(key) is False)
    typescript: Literal["bun", "deno"] = "deno" if tree.get("defaultTs") == "deno" else "bun"
    excluded, skips_secrets = _globs(tree.get("excludes")), tree.get("skipSecrets") is True
    return TreeSettings(
        typescript, frozenset(branches), current, checked_out, excluded, included, skipped, skips_secrets
    )


def _globs(named: Any) -> tuple[Glob, ...]:
    """Return the globs in a list; none of anything else."""
    texts = [each for each in named if isinstance(each, str)] if isinstance(named, list) else []
    return tuple(glob for text in texts for glob in globs.parse(text))


def _environments(tree: Mapping[str, Any]) -> dict[str, str]:
    """Return the branch of each name that files can have: of branches, and of workspaces with a branch."""
    found: dict[str, str] = {}
    for key in ("gitBranches", "git_branches", "workspaces"):
        each = tree.get(key)
        for name, settings in each.items() if isinstance(each, dict) else ():
            if name != _COMMON and isinstance(name, str):
                branch = settings.get("gitBranch") if isinstance(settings, dict) else None
                found[name] = branch if isinstance(branch, str) else name
    return found


def _checked_out(folder: Path) -> str | None:
    """Return the branch of the repository that a folder is in; None if there is none, or a commit is checked out."""
    for each in (folder, *folder.parents):
        place = each / ".git"
        try:
            if place.is_file():  # a further working tree
                place = each / place.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
            head = (place / "HEAD").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        return head.removeprefix(_HEAD).strip() if head.startswith(_HEAD) else None
    return None
