"""The log and the stream of a running job, up to the limits of the job."""

from __future__ import annotations

from collections.abc import Callable

from orvanta_platform.services.logs import lines as log_lines
from orvanta_platform.units import size_text
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.outcome import LogSink
from orvanta_platform.worker.stream_marks import StreamMarks


class LimitedLog:
    """Forwards text to the job's sink up to the log limit, followed by one line that reports the cut.

    Streamed text is forwarded up to the result limit; `too_much` is called if there is more.
    """

    def __init__(self, sink: LogSink, limits: Limits, too_much: Callable[[], None] | None = None) -> None:
        self._sink = sink
        self._limit = limits.log_bytes
        self._left = limits.log_bytes
        self._stream_left = limits.result_bytes
        self._too_much = too_much
        self._stream_cut = False
        self.cut = False

    def close(self) -> None:
        """Drop the reference to `too_much`."""
        self._too_much = None

    async def take(self, marks: StreamMarks, text: str) -> str:
        """Forward the next piece of an output with log and stream, and return its log part."""
        written, streamed = marks.feed(text)
        if (arguments := marks.take_arguments()) is not None:
            await self._sink.arguments(arguments)
        await self._forward(written, streamed)
        return written

    async def finish(self, marks: StreamMarks) -> str:
        """Forward the text held back at the end of the output, and return its log part."""
        written, streamed = marks.rest()
        await self._forward(written, streamed)
        return written

    async def _forward(self, written: str, streamed: str) -> None:
        if written:
            await self.write(written)
        if streamed:
            await self.stream(streamed)

    async def stream(self, text: str) -> None:
        """Forward the part of the text that fits the stream limit (counted as UTF-8)."""
        if self._stream_cut:
            return
        data = text.encode("utf-8", "replace")
        if len(data) > self._stream_left:
            self._stream_cut = True
            text = data[: self._stream_left].decode("utf-8", "ignore")
            if self._too_much is not None:
                self._too_much()
        self._stream_left -= len(data)
        if text:
            await self._sink.stream(text)

    async def write(self, text: str) -> None:
        """Forward the part of the text that fits the log limit (counted as UTF-8)."""
        if self.cut or not text:
            return
        size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if size <= self._left:
            self._left -= size
            await self._sink.write(text)
            return
        self.cut = True
        head = text.encode("utf-8", "replace")[: self._left].decode("utf-8", "ignore")
        await self._sink.write(f"{head}\n" + log_lines.line(f"log cut: limit {size_text(self._limit)}"))
