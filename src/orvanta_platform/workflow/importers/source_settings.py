"""Settings of the source that a converter reads. Those that none has read have no equivalent, and are reported."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from orvanta_platform.workflow.importers.findings import Report

_NESTED: Final = frozenset({"options", "otherOptions", "additionalFields", "response"})
"""Names of settings whose members are settings too."""


class SourceSettings(dict[str, Any]):
    """Settings of a node or trigger, which record the names that were read."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        super().__init__(found)
        self._read: set[str] = set()
        for name in _NESTED & found.keys():
            if isinstance(found[name], dict):
                self[name] = SourceSettings(found[name])

    def get(self, name: str, default: Any = None, /) -> Any:
        """Return a setting, and record that it was read."""
        self._read.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str, /) -> Any:
        self._read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object, /) -> bool:
        self._read.add(str(name))
        return super().__contains__(name)

    def read_all(self) -> None:
        """Record all names: the settings are kept as they are."""
        self._read.update(self)
        for value in self.values():
            if isinstance(value, SourceSettings):
                value.read_all()

    def unread(self) -> Iterator[str]:
        """Yield the names with a value that were not read; those of members are `options.timeout`."""
        for name, value in self.items():
            if isinstance(value, SourceSettings):
                yield from (f"{name}.{inner}" for inner in value.unread())
            elif name not in self._read and not _is_unset(value):
                yield name


def report_unread(report: Report, node: str, found: SourceSettings, ignored: Collection[str]) -> None:
    """Report the settings of a node that were not read. `ignored`: last parts of names that need no equivalent."""
    names = [name for name in found.unread() if name.rpartition(".")[2] not in ignored]
    if names:
        message = f"Without an equivalent: {', '.join(names)}."
        report.add(node, "not_converted", message, "Check the node, and add what its settings did.")


def _is_unset(value: Any) -> bool:
    return value is None or value is False or value == "" or value == [] or value == {}
