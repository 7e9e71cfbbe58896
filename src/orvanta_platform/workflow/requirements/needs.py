"""What a script needs, whatever its language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from orvanta_platform.workflow.requirements import npm, python

Ecosystem = Literal["python", "npm"]

_ECOSYSTEMS: Final[dict[str, Ecosystem]] = {
    "python3": "python",
    "bun": "npm",
    "bunnative": "npm",
    "nativets": "npm",
    "deno": "npm",
}


_WORDS: Final[dict[Ecosystem, tuple[str, ...]]] = {
    "python": ("import", "requirements:", "# /// script"),
    "npm": ("import", "require", "from"),
}
"""Words of which a script with requirements has one."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """The direct requirements of a script, at least one: (name, range) in order of name.

    Python: a range is the rest of a PEP 508 line ("==2.1", "[extra]>=1; python_version > '3'", " @ https://…"), or
    empty. npm: a range of package.json ("^1.2", "latest").
    """

    ecosystem: Ecosystem
    packages: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """One requirement a line, as its ecosystem writes it in one word."""
        between = "@" if self.ecosystem == "npm" else ""
        return tuple(f"{name}{between}{range_}" for name, range_ in self.packages)


def ecosystem_of(language: str) -> Ecosystem | None:
    """Where packages of a language come from; None where scripts of it have none."""
    return _ECOSYSTEMS.get(language)


def may_need(language: str, content: str) -> bool:
    """False if a script needs nothing, as far as the words in it show."""
    ecosystem = ecosystem_of(language)
    return ecosystem is not None and any(word in content for word in _WORDS[ecosystem])


def requirements_of(language: str, content: str) -> Requirements | None:
    """What a script needs beside its language; None where it needs nothing, or cannot be parsed (its run says why).

    Raises InvalidScript where a requirement is written that cannot be one, or two that exclude each other.
    """
    match ecosystem_of(language):
        case "python":
            return _made("python", python.packages(content))
        case "npm":
            return _made("npm", npm.packages(content))
        case None:
            return None


def _made(ecosystem: Ecosystem, packages: dict[str, str]) -> Requirements | None:
    return Requirements(ecosystem, tuple(sorted(packages.items()))) if packages else None
