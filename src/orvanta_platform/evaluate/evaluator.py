"""Evaluation of expressions, transforms and inputs: by the small interpreter if possible, otherwise in a child process.

Also checks values against JSON Schemas, and reads scripts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from orvanta_platform.evaluate.errors import ExpressionError, NeedsJavaScript
from orvanta_platform.evaluate.javascript import JavaScript, Moment, Resolve
from orvanta_platform.evaluate.schemas import Schemas
from orvanta_platform.evaluate.scripts import Scripts
from orvanta_platform.evaluate.small import ExpressionValue, Scope, evaluate
from orvanta_platform.evaluate.transforms import evaluate_static, object_text
from orvanta_platform.workflow.expressions import MAX_SMALL, parse_small


class Evaluator(msgspec.Struct, frozen=True):
    """Evaluators of one process; belongs to one event loop. Child processes are started when first needed."""

    workspace: str = ""
    """Workspace that the requests are accounted to."""

    _javascript: JavaScript = msgspec.field(default_factory=JavaScript)
    schemas: Schemas = msgspec.field(default_factory=Schemas)
    scripts: Scripts = msgspec.field(default_factory=Scripts)

    def of(self, workspace: str) -> Evaluator:
        """Return an evaluator for the requests of a workspace; workspaces share the child processes fairly."""
        return Evaluator(workspace, self._javascript, self.schemas, self.scripts)

    def start(self) -> None:
        """Start the child processes before the first requests need them."""
        self._javascript.start()
        self.schemas.start()
        self.scripts.start()

    async def expression(self, text: str, scope: Scope, moment: Moment, resolve: Resolve) -> ExpressionValue:
        """Evaluate an expression. Raises ExpressionError, EvaluatorUnavailable.

        An expression that the small interpreter supports is evaluated without yielding to another task.
        """
        found = evaluate_small(text, scope)
        return (
            found
            if found is not None
            else await self._javascript.evaluate(self.workspace, text, scope, moment, resolve)
        )

    async def transform(self, transform: Any, scope: Scope, moment: Moment, resolve: Resolve) -> ExpressionValue:
        """Evaluate a Transform tree: {type: static, value?} or {type: javascript, expr}.

        Anything that is not a Transform is itself the static value. Raises as `expression`.
        """
        found = evaluate_inline(transform, scope)
        return found if found is not None else await self.expression(transform["expr"], scope, moment, resolve)

    async def inputs(
        self, transforms: Mapping[str, Any] | None, scope: Scope, moment: Moment, resolve: Resolve
    ) -> bytes:
        """Return a node's inputs as JSON object text, undefined ones as null. Each input has its own random numbers.

        Raises as `expression`, for the same inputs always the same error; the message names the input.
        """
        found: dict[str, bytes] = {}
        pending: list[str] = []
        size, parsed = scope_size(scope), 0
        for name, transform in (transforms or {}).items():
            if parsed > LARGE_SCOPE:
                parsed = 0
                await asyncio.sleep(0)
            parsed += size
            try:
                answer = evaluate_inline(transform, scope)
            except ExpressionError as error:
                raise _of_input(name, error) from None
            if answer is None:
                pending.append(name)
            found[name] = b"null" if answer is None else answer.raw
        if transforms and pending:
            requests = [
                asyncio.ensure_future(self._input(name, transforms[name]["expr"], scope, moment, resolve))
                for name in pending
            ]
            try:
                for name, request in zip(pending, requests, strict=True):
                    found[name] = await request
            finally:  # after an error or a cancel, further values are of no use
                for request in requests:
                    request.cancel()
                await asyncio.gather(*requests, return_exceptions=True)
        # The scope may be large and is no longer needed: release it before the results are joined.
        del scope
        return object_text(found)

    async def _input(self, name: str, text: str, scope: Scope, moment: Moment, resolve: Resolve) -> bytes:
        own = Moment(moment.at_ms, f"{moment.seed}/{name}")
        try:
            return (await self._javascript.evaluate(self.workspace, text, scope, own, resolve)).raw
        except ExpressionError as error:
            raise _of_input(name, error) from None

    async def syntax_errors(self, texts: Sequence[str]) -> list[str | None]:
        """Return, for each of `texts`, why it is not valid JavaScript, or None if it is. Nothing is run.

        Raises EvaluatorUnavailable.
        """
        pending, parsed = [], 0
        for text in texts:
            if parse_small(text) is None:
                pending.append(text)
            parsed += len(text)
            if parsed > MAX_SMALL:
                parsed = 0
                await asyncio.sleep(0)
        found = dict(zip(pending, await self._javascript.check(self.workspace, pending), strict=True))
        return [found.get(text) for text in texts]

    async def close(self) -> None:
        """End the child processes. The evaluator cannot be used afterwards."""
        await self._javascript.close()
        await self.schemas.close()
        await self.scripts.close()


LARGE_SCOPE: Final = 1 << 20
"""Number of bytes of a scope that takes long to parse, so that other tasks should run before the next expression."""


def scope_size(scope: Scope) -> int:
    """Return the number of bytes of the values in a scope."""
    values = (each.values() if isinstance(each, Mapping) else (each,) for each in scope.values())
    return sum(len(raw) for members in values for raw in members)


def evaluate_small(text: str, scope: Scope) -> ExpressionValue | None:
    """Return the small interpreter's answer, None if JavaScript is needed. Raises ExpressionError."""
    expr = parse_small(text)
    if expr is None:
        return None
    try:
        return evaluate(expr, scope)
    except NeedsJavaScript:
        return None


def evaluate_inline(transform: Any, scope: Scope) -> ExpressionValue | None:
    """Return the value of a Transform tree, None if JavaScript is needed. Raises ExpressionError."""
    match transform:
        case {"type": "javascript", "expr": str(text)}:
            return evaluate_small(text, scope)
    return evaluate_static(transform)


def _of_input(name: str, error: ExpressionError) -> ExpressionError:
    return ExpressionError(error.name, f"input {name!r}: {error.message}")
