"""Values of a playback: results, contexts and inputs of nodes in memory, up to a total size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine import effects as fx
from orvanta_platform.orchestrator.decided_values import error_json
from orvanta_platform.orchestrator.frames import Frame
from orvanta_platform.orchestrator.playback_types import PlaybackFault
from orvanta_platform.orchestrator.scope import compose
from orvanta_platform.orchestrator.view import ERROR

MAX_BYTES: Final = 64 << 20
"""Maximum total size of the values and inputs of one playback; one that several executions share counts for each."""


class PlaybackValues:
    """Values of one playback. Methods that store one raise PlaybackFault if the total size exceeds the limit."""

    def __init__(self, run: RunRow, inputs: bytes) -> None:
        self._run = run
        self.stored: dict[ValueKey, bytes] = {(run.id, "args", ""): inputs}
        self._context: dict[ValueKey, bytes] = {}
        self._inputs: dict[UUID, bytes] = {}
        self._bytes = 0

    def store(self, key: ValueKey, raw: bytes) -> None:
        """Store a value."""
        self._count(len(raw) - len(self.stored.get(key, b"")))
        self.stored[key] = raw

    def store_result(self, id: UUID, raw: bytes, name: str = "") -> None:
        """Store the result of a job, or with the name `ERROR` its error."""
        self.store((id, "result", name), raw)

    def store_decided(self, decided: Mapping[ValueKey, bytes]) -> None:
        """Store the values of a decision, which may change the context of the run."""
        for key, raw in decided.items():
            self.store(key, raw)
        self._context |= {key: raw for key, raw in decided.items() if key[1] == "context"}

    def store_inputs(self, id: UUID, raw: bytes) -> None:
        """Store the inputs of a job."""
        self._count(len(raw))
        self._inputs[id] = raw

    def take_inputs(self, id: UUID) -> bytes | None:
        """Return the inputs of a job that ended, which are no longer needed."""
        return self._inputs.pop(id, None)

    def delete_results(self, id: UUID) -> None:
        """Delete result and error of a job that is retried."""
        for name in ("", ERROR):
            self._count(-len(self.stored.pop((id, "result", name), b"")))

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_BYTES:
            message = f"The values and inputs of the playback exceed {MAX_BYTES >> 20} MiB."
            raise PlaybackFault(None, message)

    async def load(self, keys: Sequence[ValueKey]) -> dict[ValueKey, bytes]:
        """Return those of these values that exist."""
        return {key: self.stored[key] for key in keys if key in self.stored}

    async def load_context(self, run: UUID) -> dict[ValueKey, bytes]:
        """Return the values of the context of the run."""
        return self._context

    def result_of_list(self, frame: Frame, end: fx.RunEnded) -> bytes:
        """Return the result of a list that ended."""
        match end.result:
            case fx.Output(raw):
                return raw
            case fx.OfNode(index):
                return self._node_result(frame, index)
            case fx.ErrorOf(index):
                id = frame.node_id(self._run.id, index)
                error = self.stored.get((id, "result", ERROR)) if frame.id is not None else None
                return error or self._node_result(frame, index)
            case fx.NodeResults(members):
                return compose((name, self._node_result(frame, index)) for name, index in members)
            case fx.ThrownOutput(error):
                return error_json(error, frame.holder.node.id if frame.holder is not None else None)
            case fx.NullResult():
                return b"null"

    def _node_result(self, frame: Frame, index: int) -> bytes:
        return self.stored.get(frame.result_key(self._run.id, index), b"null")
