"""Modules of the worker's environment that code in cells can import individually. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, SourceFileLoader
from types import ModuleType


class Modules:
    """Finder of the top-level modules in `locations` (sandbox/plan.py: modules), the last entry of sys.meta_path.

    It replaces a folder on sys.path, because jobs must not import or list other modules of that folder.
    """

    def __init__(self, locations: Mapping[str, str]) -> None:
        self._locations = locations

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the location of the module `name`, or None if it is not one of these."""
        location = self._locations.get(name)
        if path is not None or location is None:
            return None
        is_compiled = location.endswith(tuple(EXTENSION_SUFFIXES))
        is_package = not is_compiled and not location.endswith(".py")
        file = f"{location}/__init__.py" if is_package else location
        loader = (ExtensionFileLoader if is_compiled else SourceFileLoader)(name, file)
        spec = ModuleSpec(name, loader, origin=file, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [location]
        return spec
