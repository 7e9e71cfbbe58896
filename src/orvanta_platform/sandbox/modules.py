"""Modules of the worker's environment that code in cells may import, one by one. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, SourceFileLoader
from types import ModuleType


class Modules:
    """Finds top-level modules in `places` (sandbox/plan.py: modules). Last on sys.meta_path, it is asked last.

    Not a folder on sys.path: what lies beside these modules is for no job, and cannot even be listed by one.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where the module `name` is loaded from; None where it is not one of these."""
        place = self._places.get(name)
        if path is not None or place is None:
            return None
        is_compiled = place.endswith(tuple(EXTENSION_SUFFIXES))
        is_package = not is_compiled and not place.endswith(".py")
        file = f"{place}/__init__.py" if is_package else place
        loader = (ExtensionFileLoader if is_compiled else SourceFileLoader)(name, file)
        spec = ModuleSpec(name, loader, origin=file, is_package=is_package)
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [place]
        return spec
