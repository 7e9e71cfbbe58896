"""Signatures and required packages of scripts, read in a confined child process.

A parser may take minutes for a few kilobytes that are made for it, and holds the interpreter's lock meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from orvanta_platform.errors import InvalidScript
from orvanta_platform.evaluate.child.code import HEAD
from orvanta_platform.evaluate.pool import Children
from orvanta_platform.evaluate.process import CODE, Ended
from orvanta_platform.workflow.requirements import Requirements, ecosystem_of, may_need
from orvanta_platform.workflow.signature.fault import Fault

T = TypeVar("T")


class CodeTooComplex(InvalidScript):
    """A script cannot be read within the limits of time and memory of its parser."""

    code = "code_too_complex"


@dataclass(frozen=True, slots=True)
class Script:
    """A script that is read."""

    language: str
    content: str


class Signature(msgspec.Struct):
    """The JSON Schema of what a script takes, None if it has none that can be read; and the reason if it is known."""

    schema: dict[str, Any] | None
    fault: Fault | None


class _Invalid(msgspec.Struct):
    message: str
    hint: str | None


class _Needs(msgspec.Struct):
    packages: tuple[tuple[str, str], ...] = ()
    invalid: _Invalid | None = None


class Scripts:
    """The reading of scripts of one process; belongs to one event loop. A child is started when it is first needed."""

    def __init__(self) -> None:
        self._children = Children(CODE)

    async def signature(self, workspace: str, script: Script) -> Signature:
        """The signature of a script. Raises CodeTooComplex, EvaluatorUnavailable."""
        (found,) = await self._ask(workspace, "signature", [script], list[Signature])
        return found

    async def requirements(
        self, workspace: str, scripts: Sequence[Script]
    ) -> list[Requirements | InvalidScript | None]:
        """The packages that each script needs beside its language; None if it needs none or cannot be parsed.

        An InvalidScript in the list: a requirement of the script cannot be one. Raises CodeTooComplex,
        EvaluatorUnavailable.
        """
        asked = [each for each in dict.fromkeys(scripts) if may_need(each.language, each.content)]
        found = dict.fromkeys(scripts)
        if asked:
            needs = await self._ask(workspace, "requirements", asked, list[_Needs])
            found |= {each: _requirements(each, need) for each, need in zip(asked, needs, strict=True)}
        return [found[each] for each in scripts]

    async def close(self) -> None:
        """End the children. Final."""
        await self._children.close()

    async def _ask(self, workspace: str, what: str, scripts: Sequence[Script], kind: type[T]) -> T:
        texts = [each.content.encode("utf-8", "replace") for each in scripts]
        sizes = [(each.language, len(text)) for each, text in zip(scripts, texts, strict=True)]
        head = msgspec.json.encode({"ask": what, "scripts": sizes})
        try:
            reply = await self._children.ask(workspace, HEAD.pack(len(head)), head, *texts)
        except Ended as end:
            raise _too_complex("time" if end.late else "memory") from None
        if reply.error is not None:
            raise _too_complex("memory")
        return msgspec.json.decode(reply.value, type=kind)


_HINT: Final = "Correct its syntax: deep nesting and unclosed quotes take long to read. Otherwise divide it."


def _too_complex(what: str) -> CodeTooComplex:
    return CodeTooComplex(f"The code takes more {what} to read than it may.", hint=_HINT)


def _requirements(script: Script, need: _Needs) -> Requirements | InvalidScript | None:
    if need.invalid is not None:
        return InvalidScript(need.invalid.message, hint=need.invalid.hint)
    ecosystem = ecosystem_of(script.language)
    return Requirements(ecosystem, need.packages) if ecosystem is not None and need.packages else None
