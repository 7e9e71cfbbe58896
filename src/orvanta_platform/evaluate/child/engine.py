"""One evaluation in a JavaScript engine of its own. Standard library and the engine only."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import _quickjs  # type: ignore[import-not-found]

from orvanta_platform.evaluate.child.frames import MAX_REACTIONS, MEMORY_BYTES, TIME_S

# What the engine does without looking at its clock (joining an endless array) is ended by the keeper.
_LAST_S = 2 * TIME_S
_STACK_BYTES = 2 << 20
_AHEAD = 8
_OVER_TIME = ("expression_timeout", f"the expression ran for more than {TIME_S:g} s")
_OVER_MEMORY = (
    "expression_out_of_memory",
    f"the expression and the values it reads need more than {MEMORY_BYTES >> 20} MB",
)


class Engine:
    """Evaluates requests, each in a context that no other sees; a few are made ahead."""

    def __init__(self) -> None:
        self._prelude = (Path(__file__).parent / "prelude.js").read_text(encoding="utf-8")
        self._ahead: list[tuple[Any, Any]] = []
        self.prepare()

    @property
    def is_prepared(self) -> bool:
        """Whether as many contexts as make sense are made ahead."""
        return len(self._ahead) >= _AHEAD

    def prepare(self) -> None:
        """Make one more context ahead."""
        context = _quickjs.Context()
        context.set_memory_limit(MEMORY_BYTES)
        context.set_max_stack_size(_STACK_BYTES)
        step = context.eval(self._prelude)
        context.set_time_limit(TIME_S)
        self._ahead.append((context, step))

    def evaluate(self, request: bytes) -> bytes:
        """The answer to a request (JSON text); whatever the expression does, it is an answer."""
        if not self._ahead:
            self.prepare()
        signal.setitimer(signal.ITIMER_PROF, _LAST_S)
        try:
            return _evaluate(request.decode("utf-8", "replace"), *self._ahead.pop())
        except _quickjs.StackOverflow as error:
            return _error("RangeError", _first_line(error))
        except _quickjs.JSException as error:
            return _failed(_first_line(error))
        except MemoryError:
            return _limit(*_OVER_MEMORY)
        except Exception as error:  # the engine's binding does not know what to do: neither does anybody else
            return _limit("expression_crashed", f"the JavaScript engine failed: {error}")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _evaluate(request: str, context: Any, step: Any) -> bytes:
    until = time.process_time() + TIME_S
    answer = step(context.parse_json(request))
    for _ in range(MAX_REACTIONS):
        if answer is not None:
            return _checked(answer)
        if time.process_time() > until:
            return _limit(*_OVER_TIME)
        more = context.execute_pending_job()
        answer = step()
        if not more and answer is None:
            return _error("Error", "the expression waits for a promise that never settles")
    return _error("Error", f"the expression's promise has not settled after {MAX_REACTIONS} steps")


def _checked(answer: str) -> bytes:
    """An engine that ran out of memory may have lost more than the expression noticed: the process ends after it."""
    text = answer.encode("utf-8", "replace")
    if text.startswith(b'{"error":{"name":"InternalError","message":"out of memory'):
        return _limit(*_OVER_MEMORY)
    return text


def _failed(line: str) -> bytes:
    """What the engine threw past the prelude: an end that no expression can catch."""
    if "interrupted" in line:
        return _limit(*_OVER_TIME)
    if line in ("", "null") or "out of memory" in line:
        return _limit(*_OVER_MEMORY)
    name, _, message = line.partition(": ")
    return _error(name, message)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _limit(name: str, message: str) -> bytes:
    return _error(name, message, limit=True)


def _error(name: str, message: str, **more: bool) -> bytes:
    return json.dumps({"error": {"name": name, "message": message}, **more}).encode()
