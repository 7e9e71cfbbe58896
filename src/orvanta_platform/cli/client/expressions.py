"""Diagnostics of workflows in files, including expressions that only JavaScript can parse."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from orvanta_platform.cli.client.flow_files import FlowFile
from orvanta_platform.cli.client.output import say
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.process import EvaluatorUnavailable
from orvanta_platform.services.runs import syntax
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.validate import examine


class Expressions:
    """Parser of expressions in a child process, which starts with the first expression that needs it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._evaluator = Evaluator()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._evaluator.close())
        self._runner.close()

    def diagnostics(self, flow: FlowFile) -> list[Diagnostic]:
        """Return all diagnostics of a workflow that need no server, errors first."""
        examined = examine(flow.tree)
        if not examined.javascript:
            return examined.diagnostics
        try:
            return self._runner.run(syntax.diagnostics(self._evaluator, examined))
        except EvaluatorUnavailable as error:
            say(f"{flow.file}: its expressions are not checked: {error.message}")
            return examined.diagnostics
