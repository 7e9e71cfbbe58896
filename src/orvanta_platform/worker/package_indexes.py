"""Package indexes: the environment of the programs that lock and install packages. Nothing else is passed to them."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from orvanta_platform.workflow.requirements import Ecosystem

PASSED: Final = re.compile(
    r"SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|[A-Za-z]+_PROXY|[a-z]+_proxy|UV_\w+|PIP_\w+|(?i:NPM_CONFIG_)\w+"
    r"|GOPROXY|GONOPROXY|GOPRIVATE|GOSUMDB|GONOSUMDB|GOINSECURE|COMPOSER_AUTH"
)
"""Names of variables that are passed."""

_PREFIXES: Final[Mapping[Ecosystem, tuple[str, ...]]] = {
    "python": ("UV_", "PIP_"),
    "npm": ("NPM_CONFIG_",),
    "go": ("GO",),
    "composer": ("COMPOSER_",),
    "gems": ("GEM_",),
}
"""Starts of the names of the variables of one ecosystem."""

_NOT_PASSED: Final = re.compile(
    r"UV_PUBLISH\w*|UV_CACHE_DIR|UV_PYTHON\w*|UV_PROJECT\w*|UV_TARGET|(?i:NPM_CONFIG_CACHE)"
)
_PIP_FILES: Final = (Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf"))
_PIP_SECTIONS: Final = ("global", "install", "download")
_FROM_PIP: Final = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "constraint": "UV_CONSTRAINT",
    "cert": "SSL_CERT_FILE",
}
"""Settings of pip and their names in uv. A machine that is configured for pip needs no configuration for uv."""

_OTHER_NAMES: Final = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}


def environment(
    environ: Mapping[str, str],
    *,
    python_index: str | None = None,
    npm_registry: str | None = None,
    composer_repository: str | None = None,
    gem_source: str | None = None,
    pip_files: tuple[Path, ...] = _PIP_FILES,
) -> dict[str, str]:
    """Return the variables of `environ` that are passed, with the indexes set.

    Settings of pip become settings of uv unless these are set.
    """
    passed = {
        name: value
        for name, value in environ.items()
        if PASSED.fullmatch(name) and not _NOT_PASSED.fullmatch(name) and value
    }
    for setting, value in _pip(environ, pip_files).items():
        if not (passed.get(setting) or passed.get(_OTHER_NAMES.get(setting, ""))):
            passed[setting] = value
    if python_index is not None:
        passed["UV_DEFAULT_INDEX"] = python_index
        passed.pop("UV_INDEX_URL", None)
    if npm_registry is not None:
        passed = {name: value for name, value in passed.items() if name.lower() != "npm_config_registry"}
        passed["NPM_CONFIG_REGISTRY"] = npm_registry
    if composer_repository is not None:
        passed["COMPOSER_REPOSITORY"] = composer_repository
    if gem_source is not None:
        passed["GEM_SOURCE"] = gem_source
    return passed


def for_ecosystem(environ: Mapping[str, str], ecosystem: Ecosystem) -> dict[str, str]:
    """Return the variables without those of other ecosystems, whose passwords a program does not need."""
    own = _PREFIXES[ecosystem]
    others = tuple(prefix for prefix in chain.from_iterable(_PREFIXES.values()) if prefix not in own)
    return {name: value for name, value in environ.items() if not name.upper().startswith(others)}


def named_files(environ: Mapping[str, str], *, pip_files: tuple[Path, ...] = _PIP_FILES) -> list[str]:
    """Return the files below /etc that the settings name, such as constraints, which package programs must read."""
    values = environment(environ, pip_files=pip_files).values()
    words = {word.removeprefix("file://") for value in values for word in value.split()}
    return sorted(word for word in words if word.startswith("/etc/") and Path(word).is_file())


def _pip(environ: Mapping[str, str], files: tuple[Path, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        found |= _of_file(file)
    for pip_name, setting in _FROM_PIP.items():
        value = environ.get(f"PIP_{pip_name.upper().replace('-', '_')}")
        if value:
            found[setting] = " ".join(value.split())
    return found


def _of_file(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(file, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}  # pip itself would refuse such a file; uv does not need it
    return {
        setting: " ".join(parser.get(section, pip_name).split())
        for section in _PIP_SECTIONS
        for pip_name, setting in _FROM_PIP.items()
        if parser.has_option(section, pip_name)
    }
