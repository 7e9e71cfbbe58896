"""Cases of the corpus: files of a tree, and the result of each script and workflow in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fails:
    """Expected failure of a run, by the name of its error."""

    name: str


@dataclass(frozen=True, slots=True)
class Case:
    """A script or workflow with an input and its known result."""

    path: str
    expected: Any
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Corpus:
    """Files of the tree by name, and the expected result of each item."""

    files: dict[str, str] = field(default_factory=dict)
    scripts: list[Case] = field(default_factory=list)
    workflows: list[Case] = field(default_factory=list)

    def script(self, path: str, ending: str, content: str, expected: Any, **given: Any) -> None:
        """Add a script."""
        self.files[f"{path}.{ending}"] = content
        self.scripts.append(Case(path, expected, given))

    def workflow(self, path: str, value: str, expected: Any, form: str = ".flow", **given: Any) -> None:
        """Add a workflow whose `value` is YAML, in a folder with the suffix `form`."""
        self.files[f"{path}{form}/flow.yaml"] = f"summary: ''\nvalue:\n{_indented(value)}"
        self.workflows.append(Case(path, expected, given))


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip("\n").splitlines())
