"""Closure of a script: all scripts that it imports, directly and through others, each at one version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from orvanta_platform.workflow.languages import EXTENSIONS

_NAME_DIGITS: Final = 40


class Module(msgspec.Struct, frozen=True, array_like=True):
    """A script of a closure."""

    path: str
    language: str
    document: str
    """SHA-256 of its content, in hex."""


class Closure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scripts that the script at `path` imports, ordered by path."""

    path: str
    """Path that relative imports of the importing script start from; empty if it has none."""
    modules: tuple[Module, ...]

    def manifest(self) -> bytes:
        """Return the JSON text that is stored; its SHA-256 identifies the closure."""
        return msgspec.json.encode(self)

    @property
    def folder(self) -> str:
        """Return the name of the folder with the files of the closure: 40 hex digits, equal for equal modules."""
        return hashlib.sha256(msgspec.json.encode(self.modules)).hexdigest()[:_NAME_DIGITS]


def parse_manifest(text: bytes) -> Closure:
    """Parse the text returned by `Closure.manifest`. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Closure)


def place_of(module: Module) -> str:
    """Return the relative path of a module's file."""
    return f"{module.path}.{EXTENSIONS[module.language]}"


def find_cycle(graph: Mapping[str, Sequence[str]], start: str) -> list[str] | None:
    """Return the paths of an import cycle that `start` leads to, the first one repeated at the end; None if none."""
    done: set[str] = set()
    chain = {start: iter(graph.get(start, ()))}
    """The scripts from `start` to the current one, with the imports that are not visited yet."""
    while chain:
        current = next(reversed(chain))
        path = next(chain[current], None)
        if path is None:
            done.add(current)
            del chain[current]
        elif path in chain:
            places = list(chain)
            return [*places[places.index(path) :], path]
        elif path not in done:
            chain[path] = iter(graph.get(path, ()))
    return None
