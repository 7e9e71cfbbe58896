"""Results that are stored in the repository: one JSON file for each measurement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One measurement: the machine, the settings, and the record of each bar."""

    name: str
    machine: Mapping[str, Any]
    settings: Mapping[str, Any]
    bars: Mapping[str, Mapping[str, Any]]

    @property
    def order(self) -> tuple[str, str, str]:
        """Key of the chronological order."""
        return self.machine["date"], self.machine.get("committed", ""), self.name

    @property
    def is_short(self) -> bool:
        """True if it was made by `make bench-quick`."""
        return bool(self.settings.get("short"))

    @property
    def commit(self) -> str:
        """The commit, shortened as by git."""
        commit: str = self.machine["orvanta"]
        return commit[:8] + ("+" if commit.endswith("+") else "")

    @property
    def computer(self) -> str:
        """Processor and number of cores."""
        processor = self.machine["processor"].replace("(R)", "").replace(" Processor", "").strip()
        return f"{processor}, {self.machine['cores']} cores"


def read_results(folder: Path = FOLDER) -> list[StoredResult]:
    """Return the results of a folder, oldest first. Files of other programs have no bars and are skipped."""
    found = []
    for file in folder.glob("*.json"):
        tree = json.loads(file.read_text(encoding="utf-8"))
        if "bars" in tree and not tree["settings"].get("quick"):
            bars = {record["bar"]: record for record in tree["bars"]}
            found.append(StoredResult(file.name, tree["machine"], tree["settings"], bars))
    return sorted(found, key=lambda result: result.order)


def newest(results: Sequence[StoredResult], bar: str) -> StoredResult | None:
    """Return the newest full result that has this bar, or None."""
    return next((result for result in reversed(results) if bar in result.bars and not result.is_short), None)
