"""JavaScript engine, with a new context per evaluation. Imports only the standard library and the engine."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import _quickjs  # type: ignore[import-not-found]

from orvanta_platform.evaluate.child.frames import MAX_REACTIONS, MEMORY_BYTES, TIME_S

# Operations in which the engine does not check its clock (joining an endless array) are ended by the keeper.
_KEEPER_TIME_S = 2 * TIME_S
_STACK_BYTES = 2 << 20
_PREPARED_CONTEXTS = 8
_WEB_NAMES = re.compile(rb"URL|structuredClone|Text(?:En|De)coder|console")
"""Names that web.js defines. A request that contains none of them is evaluated without it."""
_COLLATOR_NAMES = re.compile(rb"Collator|localeCompare")
"""Names that collator.js defines or replaces."""
_INTL_NAMES = re.compile(rb"Intl|toLocale")
"""Names that intl.js defines or replaces. A request that contains none of them is evaluated without it."""
_OVER_TIME = ("expression_timeout", f"the expression ran for more than {TIME_S:g} s")
_OVER_MEMORY = (
    "expression_out_of_memory",
    f"the expression and the values it reads need more than {MEMORY_BYTES >> 20} MB",
)


class Engine:
    """Evaluates each request in an isolated context; a few contexts are prepared in advance."""

    def __init__(self) -> None:
        self._prelude, self._web, self._collator = (
            (Path(__file__).parent / name).read_text(encoding="utf-8")
            for name in ("prelude.js", "web.js", "collator.js")
        )
        intl = Path(__file__).parent.parent / "intl" / "intl.js"
        self._intl = intl.read_text(encoding="utf-8") if intl.exists() else ""
        self._prepared: list[tuple[Any, Any]] = []
        self._prepared_intl: list[tuple[Any, Any]] = []
        self._intl_contexts = 0
        self.prepare()

    @property
    def is_prepared(self) -> bool:
        """Return whether enough contexts are prepared."""
        return len(self._prepared) >= _PREPARED_CONTEXTS and len(self._prepared_intl) >= self._intl_contexts

    def prepare(self) -> None:
        """Prepare one more context; also one with Intl once an expression has used it."""
        if len(self._prepared) < _PREPARED_CONTEXTS:
            self._prepared.append(self._make_context())
        else:
            context, step = self._make_context()
            context.eval(self._intl)
            self._prepared_intl.append((context, step))

    def _make_context(self) -> tuple[Any, Any]:
        context = _quickjs.Context()
        context.set_memory_limit(MEMORY_BYTES)
        context.set_max_stack_size(_STACK_BYTES)
        step = context.eval(self._prelude)
        context.set_time_limit(TIME_S)
        return context, step

    def _take_context(self, request: bytes) -> tuple[Any, Any]:
        """Return a context with the interfaces whose names the request contains."""
        uses_intl = _INTL_NAMES.search(request) is not None
        is_loaded = uses_intl and bool(self._prepared_intl)
        context, step = (self._prepared_intl if is_loaded else self._prepared).pop()
        if uses_intl:
            self._intl_contexts = 1
            if not is_loaded:
                context.eval(self._intl)
        if _WEB_NAMES.search(request):
            context.eval(self._web)
        if _COLLATOR_NAMES.search(request):
            context.eval(self._collator)
        return context, step

    def evaluate(self, request: bytes) -> bytes:
        """Answer a request (JSON text), whatever the expression does."""
        if not self._prepared:
            self.prepare()
        signal.setitimer(signal.ITIMER_PROF, _KEEPER_TIME_S)
        try:
            context, step = self._take_context(request)
            return _evaluate(request.decode("utf-8", "replace"), context, step)
        except _quickjs.StackOverflow as error:
            return _error("RangeError", _first_line(error))
        except _quickjs.JSException as error:
            return _engine_failure(_first_line(error))
        except MemoryError:
            return _limit_error(*_OVER_MEMORY)
        except Exception as error:  # a failure of the engine's binding itself
            return _limit_error("expression_crashed", f"the JavaScript engine failed: {error}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _evaluate(request: str, context: Any, step: Any) -> bytes:
    until = time.process_time() + TIME_S
    answer = step(context.parse_json(request))
    for _ in range(MAX_REACTIONS):
        if answer is not None:
            return _check_memory(answer)
        if time.process_time() > until:
            return _limit_error(*_OVER_TIME)
        more = context.execute_pending_job()
        answer = step()
        if not more and answer is None:
            return _error("Error", "the expression waits for a promise that never settles")
    return _error("Error", f"the expression's promise has not settled after {MAX_REACTIONS} steps")


def _check_memory(answer: str) -> bytes:
    """Report an engine that ran out of memory as a limit: its state may be damaged, so the process must end."""
    text = answer.encode("utf-8", "replace")
    if text.startswith(b'{"error":{"name":"InternalError","message":"out of memory'):
        return _limit_error(*_OVER_MEMORY)
    return text


def _engine_failure(line: str) -> bytes:
    """Return the error for an exception thrown past the prelude, which no expression can catch."""
    if "interrupted" in line:
        return _limit_error(*_OVER_TIME)
    if line in ("", "null") or "out of memory" in line:
        return _limit_error(*_OVER_MEMORY)
    name, _, message = line.partition(": ")
    return _error(name, message)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _limit_error(name: str, message: str) -> bytes:
    return _error(name, message, limit=True)


def _error(name: str, message: str, **more: bool) -> bytes:
    return json.dumps({"error": {"name": name, "message": message}, **more}).encode()
