"""Evaluates expressions, transforms and inputs: by the small interpreter if possible, otherwise in a JavaScript child.

Also checks values against JSON Schemas, and reads scripts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orvanta_platform.evaluate.errors import ExpressionError, NeedsJavaScript
from orvanta_platform.evaluate.javascript import JavaScript, Moment, Resolve
from orvanta_platform.evaluate.schemas import Schemas
from orvanta_platform.evaluate.scripts import Scripts
from orvanta_platform.evaluate.small import Answer, Scope, evaluate
from orvanta_platform.evaluate.transforms import object_text, static_answer
from orvanta_platform.workflow.expressions import parse_small


@dataclass(frozen=True, slots=True)
class Evaluator:
    """All evaluation of one process; belongs to one event loop. A child is started at the first need of one."""

    workspace: str = ""
    """The workspace that its requests count for."""

    _javascript: JavaScript = field(default_factory=JavaScript)
    schemas: Schemas = field(default_factory=Schemas)
    scripts: Scripts = field(default_factory=Scripts)

    def of(self, workspace: str) -> Evaluator:
        """The same for the requests of a workspace: workspaces share the children fairly."""
        return Evaluator(workspace, self._javascript, self.schemas, self.scripts)

    async def expression(self, text: str, scope: Scope, moment: Moment, resolve: Resolve) -> Answer:
        """The value of an expression. Raises ExpressionError, EvaluatorUnavailable.

        What the small interpreter answers is answered without giving way to another task.
        """
        found = small_answer(text, scope)
        return (
            found
            if found is not None
            else await self._javascript.evaluate(self.workspace, text, scope, moment, resolve)
        )

    async def transform(self, transform: Any, scope: Scope, moment: Moment, resolve: Resolve) -> Answer:
        """The value of a Transform tree: {type: static, value?} or {type: javascript, expr}.

        Anything that is no Transform is taken as the static value itself. Raises as `expression`.
        """
        found = at_once(transform, scope)
        return found if found is not None else await self.expression(transform["expr"], scope, moment, resolve)

    async def inputs(
        self, transforms: Mapping[str, Any] | None, scope: Scope, moment: Moment, resolve: Resolve
    ) -> bytes:
        """JSON object text of a node's inputs, undefined ones null. Each has random numbers of its own.

        Raises as `expression`, for the same inputs always the same error; the message names the input.
        """
        found: dict[str, bytes] = {}
        asked: list[str] = []
        for name, transform in (transforms or {}).items():
            try:
                answer = at_once(transform, scope)
            except ExpressionError as error:
                raise _of_input(name, error) from None
            if answer is None:
                asked.append(name)
            found[name] = b"null" if answer is None else answer.raw
        if transforms and asked:
            ask = (self._input(name, transforms[name]["expr"], scope, moment, resolve) for name in asked)
            answers = await asyncio.gather(*ask, return_exceptions=True)
            for name, raw in zip(asked, answers, strict=True):
                if isinstance(raw, BaseException):
                    raise raw
                found[name] = raw
        # What was read may be large, and is done with: the answers are made into one text without it.
        del scope
        return object_text(found)

    async def _input(self, name: str, text: str, scope: Scope, moment: Moment, resolve: Resolve) -> bytes:
        own = Moment(moment.at_ms, f"{moment.seed}/{name}")
        try:
            return (await self._javascript.evaluate(self.workspace, text, scope, own, resolve)).raw
        except ExpressionError as error:
            raise _of_input(name, error) from None

    async def syntax_errors(self, texts: Sequence[str]) -> list[str | None]:
        """Why each of `texts` is no JavaScript, None where it is. Nothing of them runs. Raises EvaluatorUnavailable."""
        asked = [text for text in texts if parse_small(text) is None]
        found = dict(zip(asked, await self._javascript.check(self.workspace, asked), strict=True))
        return [found.get(text) for text in texts]

    async def close(self) -> None:
        """End the children. Final."""
        await self._javascript.close()
        await self.schemas.close()
        await self.scripts.close()


def small_answer(text: str, scope: Scope) -> Answer | None:
    """The small interpreter's answer, None where JavaScript is needed. Raises ExpressionError."""
    expr = parse_small(text)
    if expr is None:
        return None
    try:
        return evaluate(expr, scope)
    except NeedsJavaScript:
        return None


def at_once(transform: Any, scope: Scope) -> Answer | None:
    """The value of a Transform tree, None where JavaScript is needed. Raises ExpressionError."""
    match transform:
        case {"type": "javascript", "expr": str(text)}:
            return small_answer(text, scope)
    return static_answer(transform)


def _of_input(name: str, error: ExpressionError) -> ExpressionError:
    return ExpressionError(error.name, f"input {name!r}: {error.message}")
