"""Requirements of a script in any language."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from orvanta_platform.workflow.requirements.composer import packages as composer_packages
from orvanta_platform.workflow.requirements.gems import packages as gem_packages
from orvanta_platform.workflow.requirements.go import packages as go_packages
from orvanta_platform.workflow.requirements.npm import packages as npm_packages
from orvanta_platform.workflow.requirements.python import packages as python_packages

Ecosystem = Literal["python", "npm", "go", "composer", "gems"]

_DRIVERS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "mysql": (("pymysql", "[rsa]>=1.1,<2"),),
    "mssql": (("pymssql", ">=2.3,<3"),),
    "snowflake": (("snowflake-connector-python", ">=3.12,<5"),),
    "bigquery": (("google-cloud-bigquery", ">=3.25,<4"),),
}
"""Packages of the database languages, which their hosts use."""

_ECOSYSTEMS: Final[dict[str, Ecosystem]] = {
    "python3": "python",
    "bun": "npm",
    "bunnative": "npm",
    "nativets": "npm",
    "deno": "npm",
    "go": "go",
    "php": "composer",
    "ruby": "gems",
    **dict.fromkeys(_DRIVERS, "python"),
}


_MARKERS: Final[dict[Ecosystem, tuple[str, ...]]] = {
    "python": ("import", "requirements:", "# /// script"),
    "npm": ("import", "require", "from"),
    "go": ("import", "require"),
    "composer": ("require:",),
    "gems": ("gemfile",),
}
"""Words at least one of which occurs in every script with requirements."""


class Requirements(msgspec.Struct, frozen=True):
    """Direct requirements of a script, at least one."""

    ecosystem: Ecosystem
    packages: tuple[tuple[str, str], ...]
    """(name, range) ordered by name.

    In Python a range is the rest of a PEP 508 line ("==2.1", "[extra]>=1; python_version > '3'", " @ https://…"), or
    empty. In npm it is a range of package.json ("^1.2", "latest"), in Go a version ("v1.2.3") or empty,
    in Composer a range of composer.json or empty, of a gem its ranges joined by ", " or empty.
    """

    @property
    def lines(self) -> tuple[str, ...]:
        """Return one requirement per line in the notation of its ecosystem."""
        separator = "" if self.ecosystem == "python" else "@"
        return tuple(f"{name}{separator if range_ else ''}{range_}" for name, range_ in self.packages)


def ecosystem_of(language: str) -> Ecosystem | None:
    """Return the source of packages of a language; None if its scripts have none."""
    return _ECOSYSTEMS.get(language)


def may_need(language: str, content: str) -> bool:
    """Return False if the words of a script show that it needs no packages."""
    if language in _DRIVERS:
        return True
    ecosystem = ecosystem_of(language)
    return ecosystem is not None and any(word in content for word in _MARKERS[ecosystem])


def requirements_of(language: str, content: str) -> Requirements | None:
    """Return the packages that a script needs beyond its language; None if it needs none or cannot be parsed.

    The run of a script reports its syntax errors. Raises InvalidScript for an invalid requirement, and for two that
    exclude each other.
    """
    if language in _DRIVERS:
        return Requirements("python", _DRIVERS[language])
    match ecosystem_of(language):
        case "python":
            return _requirements("python", python_packages(content))
        case "npm":
            return _requirements("npm", npm_packages(content))
        case "go":
            return _requirements("go", go_packages(content))
        case "composer":
            return _requirements("composer", composer_packages(content))
        case "gems":
            return _requirements("gems", gem_packages(content))
        case None:
            return None


def _requirements(ecosystem: Ecosystem, packages: dict[str, str]) -> Requirements | None:
    return Requirements(ecosystem, tuple(sorted(packages.items()))) if packages else None
