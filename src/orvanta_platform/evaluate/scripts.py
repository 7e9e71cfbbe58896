"""Signatures, required packages and imports of scripts, read in a confined child process.

A parser may take minutes for a few malicious kilobytes, and holds the interpreter's lock meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from orvanta_platform.errors import InvalidScript
from orvanta_platform.evaluate.child.frames import LENGTH
from orvanta_platform.evaluate.pool import Children
from orvanta_platform.evaluate.process import CODE, Ended
from orvanta_platform.workflow.requirements import Requirements, ecosystem_of, may_need
from orvanta_platform.workflow.script_imports import Import, may_import
from orvanta_platform.workflow.signature.fault import Fault

T = TypeVar("T")

_CACHED: Final = 1_000
"""Maximum number of cached signatures."""

_CACHED_CHARS: Final = 16 << 10
"""Maximum length of a script whose signature is cached."""


class CodeTooComplex(InvalidScript):
    """The script cannot be parsed within the limits of time and memory."""

    code = "code_too_complex"


class Script(msgspec.Struct, frozen=True):
    """Script to read."""

    language: str
    content: str
    path: str | None = None
    """Path that relative imports start from, if it has one."""


class Signature(msgspec.Struct):
    """Signature of a script."""

    schema: dict[str, Any] | None
    """JSON Schema of its parameters; None if it has no signature that can be read."""
    fault: Fault | None
    """Reason why the signature cannot be read, if known."""


class _InvalidRequirement(msgspec.Struct):
    message: str
    hint: str | None


class _RequirementsReply(msgspec.Struct):
    packages: tuple[tuple[str, str], ...] = ()
    invalid: _InvalidRequirement | None = None


class Scripts:
    """Script readers of one process; belongs to one event loop. A child process is started when first needed."""

    def __init__(self) -> None:
        self._children = Children(CODE)
        self._signatures: OrderedDict[Script, Signature] = OrderedDict()

    def start(self) -> None:
        """Start a child process before the first request needs it."""
        self._children.start()

    async def signature(self, workspace: str, script: Script) -> Signature:
        """Return the signature of a script. Raises CodeTooComplex, EvaluatorUnavailable."""
        (found,) = await self.signatures(workspace, [script])
        return found

    async def signatures(self, workspace: str, scripts: Sequence[Script]) -> list[Signature]:
        """Return the signature of each script. Those of short ones are cached, because editors request them repeatedly.

        Raises CodeTooComplex, EvaluatorUnavailable.
        """
        found = {each: self._signatures[each] for each in scripts if each in self._signatures}
        pending = [each for each in dict.fromkeys(scripts) if each not in found]
        if pending:
            answer = await self._ask(workspace, "signature", pending, list[Signature])
            found |= dict(zip(pending, answer, strict=True))
        for each, signature in found.items():
            if len(each.content) <= _CACHED_CHARS:
                self._signatures[each] = signature
                self._signatures.move_to_end(each)
        while len(self._signatures) > _CACHED:
            self._signatures.popitem(last=False)
        return [found[each] for each in scripts]

    async def requirements(
        self, workspace: str, scripts: Sequence[Script]
    ) -> list[Requirements | InvalidScript | None]:
        """Return the packages that each script needs beyond its language; None if it needs none or cannot be parsed.

        An InvalidScript in the list reports an invalid requirement of that script. Raises CodeTooComplex,
        EvaluatorUnavailable.
        """
        pending = [each for each in dict.fromkeys(scripts) if may_need(each.language, each.content)]
        found = dict.fromkeys(scripts)
        if pending:
            needs = await self._ask(workspace, "requirements", pending, list[_RequirementsReply])
            found |= {each: _requirements(each, need) for each, need in zip(pending, needs, strict=True)}
        return [found[each] for each in scripts]

    async def imports(self, workspace: str, scripts: Sequence[Script]) -> list[list[Import]]:
        """Return the imports of other scripts in each script. Raises CodeTooComplex, EvaluatorUnavailable."""
        pending = [each for each in dict.fromkeys(scripts) if may_import(each.language, each.content)]
        found: dict[Script, list[Import]] = {}
        if pending:
            answer = await self._ask(workspace, "imports", pending, list[list[Import]])
            found = dict(zip(pending, answer, strict=True))
        return [found.get(each, []) for each in scripts]

    async def close(self) -> None:
        """End the child processes. The object cannot be used afterwards."""
        await self._children.close()

    async def _ask(self, workspace: str, kind: str, scripts: Sequence[Script], answer_type: type[T]) -> T:
        texts = [each.content.encode("utf-8", "replace") for each in scripts]
        sizes = [(each.language, len(text), each.path) for each, text in zip(scripts, texts, strict=True)]
        head = msgspec.json.encode({"ask": kind, "scripts": sizes})
        try:
            reply = await self._children.ask(workspace, LENGTH.pack(len(head)), head, *texts)
        except Ended as end:
            raise _too_complex("time" if end.late else "memory") from None
        if reply.error is not None:
            raise _too_complex("memory")
        return msgspec.json.decode(reply.value, type=answer_type)


_HINT: Final = "Correct the syntax (deep nesting and unclosed quotes are slow to parse), or split the script."


def _too_complex(kind: str) -> CodeTooComplex:
    return CodeTooComplex(f"Parsing the code exceeds the limit of {kind}.", hint=_HINT)


def _requirements(script: Script, need: _RequirementsReply) -> Requirements | InvalidScript | None:
    if need.invalid is not None:
        return InvalidScript(need.invalid.message, hint=need.invalid.hint)
    ecosystem = ecosystem_of(script.language)
    return Requirements(ecosystem, need.packages) if ecosystem is not None and need.packages else None
