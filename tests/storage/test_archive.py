"""Archive of a backup: streams are restored unchanged; truncated or modified archives are rejected."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from orvanta_platform.storage import archive
from orvanta_platform.storage.archive import ArchiveBroken, Reader, Writer


def made(**streams: list[bytes]) -> bytes:
    file = io.BytesIO()
    writer = Writer(file)
    for name, parts in streams.items():
        writer.begin(name)
        for part in parts:
            writer.write(part)
    writer.close()
    return file.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    return {name: b"".join(parts) for name, parts in Reader(io.BytesIO(data)).streams()}


def test_streams_are_read_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PIECE", 10)
    streams = {"a": [b"x" * 25, b"y"], "empty": [], "exact": [b"z" * 20], "deep/er": [b"\0" * 7, b"", b"\xff" * 4]}
    data = made(**streams)
    assert read(data) == {name: b"".join(parts) for name, parts in streams.items()}
    assert list(read(data)) == list(streams)
    assert made(**streams) == data


def test_unread_stream_is_skipped() -> None:
    data = made(a=[b"1"], b=[b"2"], c=[b"3"])
    found = {name: b"".join(parts) if name != "b" else None for name, parts in Reader(io.BytesIO(data)).streams()}
    assert found == {"a": b"1", "b": None, "c": b"3"}


@pytest.mark.parametrize("cut", [0, 5, 40, -1, -9])
def test_truncated_archive_is_rejected(cut: int) -> None:
    data = made(a=[bytes(range(256)) * 300])
    with pytest.raises(ArchiveBroken):
        read(data[:cut])


def test_foreign_file_is_rejected() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        link = tarfile.TarInfo("a/1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    for data in (b"text", gzip.compress(b"text"), gzip.compress(file.getvalue())):
        with pytest.raises(ArchiveBroken):
            read(data)
