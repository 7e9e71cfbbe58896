"""Large values stored as frames: complete and partial reads from every kind of storage."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from orvanta_platform import ids
from orvanta_platform.db.values import ValueRow
from orvanta_platform.orchestrator import value_blocks, values
from orvanta_platform.orchestrator.value_blocks import FRAME
from orvanta_platform.storage import ObjectMissing, Storage
from orvanta_platform.storage.local import LocalStorage
from orvanta_platform.storage.remote import RemoteStorage

RUN = ids.derived_id(ids.new_run_id(), "frames")


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path) if request.param == "local" else RemoteStorage(MemoryStore())


async def stored(storage: Storage, raw: bytes) -> ValueRow:
    new = await values.store(storage, "main", RUN, RUN, "result", raw)
    return ValueRow(new.id, new.kind, new.name, new.size, new.encoding, new.body, new.object)


async def part(storage: Storage, row: ValueRow, start: int, length: int) -> bytes:
    return b"".join([piece async for piece in values.part(storage, row, start, length)])


SIZES = [0, 9, values.INLINE_LIMIT, values.INLINE_LIMIT + 1, FRAME, FRAME + 1, 3 * FRAME, 3 * FRAME + 12_345]


@pytest.mark.parametrize("size", SIZES)
async def test_any_part_of_a_value_of_any_size(storage: Storage, size: int) -> None:
    raw = bytes(place * 7 % 251 for place in range(1 << 16)) * (size >> 16) + b"z" * (size & 0xFFFF)
    row = await stored(storage, raw)
    assert (row.size, row.object is None) == (size, size <= values.INLINE_LIMIT)
    assert (await values.open_rows(storage, [row]))[row.key] == raw
    edges = {0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, size // 2, max(size - 1, 0)}
    for start in sorted(edge for edge in edges if edge < size):
        for length in (1, 100, FRAME, size):
            assert await part(storage, row, start, length) == raw[start : start + length], (start, length)


async def test_part_reads_only_the_frames_it_needs(storage: Storage) -> None:
    raw = b"".join(bytes([number]) * FRAME for number in range(4))
    row = await stored(storage, raw)
    body = bytearray(await storage.get(row.object or ""))
    body[: len(body) // 8] = bytes(len(body) // 8)  # damages the first frame
    await storage.put(row.object or "", bytes(body))
    assert await part(storage, row, 2 * FRAME, 10) == b"\2" * 10
    with pytest.raises(zlib.error):
        await part(storage, row, 0, 10)


async def test_truncated_object_is_reported(storage: Storage) -> None:
    row = await stored(storage, b"x" * (2 * FRAME))
    body = await storage.get(row.object or "")
    for cut in (body[:-1], body[1:], b""):
        await storage.put(row.object or "", cut)
        with pytest.raises(ObjectMissing, match=str(RUN)):
            await part(storage, row, 0, 10)


async def test_frames_are_produced_one_at_a_time() -> None:
    raw = b"x" * (3 * FRAME)
    made = [piece async for piece in value_blocks.pieces(raw)]
    assert len(made) == 4 and value_blocks.join(b"".join(made), len(raw)) == raw
