"""Evaluator with a fixed moment and an empty workspace."""

from __future__ import annotations

import os
from typing import Any

import pytest
from tests import processes

from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.javascript import Moment
from orvanta_platform.evaluate.small import ExpressionValue, Scope
from orvanta_platform.workflow.reads import Opener

MOMENT = Moment(1_700_000_000_123, "7/a")


async def nothing(kind: Opener, path: str) -> bytes:
    """Raise not_found: the workspace has no variables or resources."""
    raise ExpressionError("not_found", f"The {kind} {path} does not exist.")


class Bench:
    """Evaluator with a fixed moment and an empty workspace."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.others = set(processes.children(os.getpid()))
        """Child processes of other evaluators in this process."""

    async def answer(self, text: str, scope: Scope | None = None, moment: Moment = MOMENT) -> ExpressionValue:
        return await self.evaluator.expression(text, scope or {}, moment, nothing)

    async def value(self, text: str, scope: Scope | None = None, moment: Moment = MOMENT) -> str:
        return (await self.answer(text, scope, moment)).raw.decode()

    async def error(self, text: str, scope: Scope | None = None) -> tuple[str, str]:
        """Return the name and message of the error that `text` throws."""
        with pytest.raises(ExpressionError) as caught:
            await self.answer(text, scope)
        return caught.value.name, caught.value.message

    async def inputs(self, transforms: Any, scope: Scope | None = None) -> bytes:
        return await self.evaluator.inputs(transforms, scope or {}, MOMENT, nothing)
