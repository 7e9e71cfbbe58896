"""Damaged archives are refused with an error, whichever of their bytes are damaged."""

from __future__ import annotations

import io
import random
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from contextlib import suppress

import pytest

from orvanta_platform.errors import BadRequest, TooLarge
from orvanta_platform.workflow.tree.unpack import MAX_SIZE, unpack

FILES = {"f/team/a.sh": b"echo 1\n", "f/team/b.variable.json": b'{"value": "1"}', "u/ann/c.py": b"x = 1\n" * 40}


def zip_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in FILES.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def tar_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, body in FILES.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size, member.pax_headers = len(body), {"comment": "é" * 200}
            archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()


def test_directory_of_many_entries_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive can announce hundreds of thousands of files, which take seconds and memory to list."""
    entry = b"PK\x01\x02".ljust(28, b"\0") + b"\1".ljust(18, b"\0") + b"a"
    directory = entry * 400_000
    start = b"PK\x03\x04".ljust(64, b"\0")
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), len(start), 0)
    monkeypatch.delattr(zipfile, "ZipFile")
    with pytest.raises(TooLarge):
        unpack(start + directory + end)


def zip_of_zeros(names: list[str], *, size: int = 64 << 20) -> bytes:
    """Return an archive whose entries share the same `size` zeros and announce none. The names have one length."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = packer.compress(bytes(size)) + packer.flush()
    length = len(names[0])
    # The extra field of each file reaches to the shared data.
    extras = [(30 + length) * rest for rest in reversed(range(len(names)))]
    sizes = (0, len(data), 0)
    files = b"".join(
        struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, zipfile.ZIP_DEFLATED, 0, 33, *sizes, length, extra) + name.encode()
        for name, extra in zip(names, extras, strict=True)
    )
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, zipfile.ZIP_DEFLATED, 0, 33, *sizes, length, *[0] * 5, at)
        + name.encode()
        for name, at in ((name, index * (30 + length)) for index, name in enumerate(names))
    )
    count = len(names)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(files) + len(data), 0)
    return files + data + directory + end


def test_sizes_that_entries_announce_are_not_believed() -> None:
    """Entries are decompressed up to their announced size only: 1 MB can stand for a gigabyte."""
    body = zip_of_zeros(["f/team/a.py"])
    tracemalloc.start()
    try:
        with suppress(BadRequest):
            unpack(body)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_entries_that_share_their_data_are_refused() -> None:
    with pytest.raises(BadRequest, match="overlap"):
        unpack(zip_of_zeros([f"f/team/{n}.py" for n in range(9)], size=1 << 20))


@pytest.mark.parametrize("name", ["f/team/a\nscript f/team/b: created.py", "f/team/\x1b[8ma.py", "f/team/\u202eyp.a"])
def test_names_with_control_characters_are_refused(name: str) -> None:
    """Such names would be printed as lines of their own, or hide what follows."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(BadRequest, match="invalid name"):
        unpack(buffer.getvalue())


def tar_with_header(header: bytes) -> bytes:
    """Return an archive of one file with an extended header."""
    extended = tarfile.TarInfo("header")
    extended.type, extended.size = tarfile.XHDTYPE, len(header)
    file = tarfile.TarInfo("f/team/a.sh").tobuf(tarfile.USTAR_FORMAT)
    return extended.tobuf(tarfile.USTAR_FORMAT) + header.ljust(-(-len(header) // 512) * 512, b"\0") + file + bytes(1024)


@pytest.mark.parametrize("header", [b"1" * 10_000, b"9 path=f/", b"99999999 a=b\n", b"0 a=b\n", b"8 path=\n\n"])
def test_malformed_extended_headers_are_refused(header: bytes) -> None:
    """A search for digits in such a header takes quadratic time, in which the server does nothing else."""
    with pytest.raises(BadRequest):
        unpack(tar_with_header(header))


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_of_all_formats_are_read(format: int) -> None:
    files = {"f/team/a.sh": b"1", f"f/{'x' * 60}/{'y' * 80}/b.sh": bytes(1000), "f/\u00e4/c.sh": b""}
    if format != tarfile.USTAR_FORMAT:
        files[f"f/{'é' * 120}/{'y' * 150}/d.sh"] = b"4"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        folder = tarfile.TarInfo("f")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    assert unpack(buffer.getvalue()) == files


@pytest.mark.parametrize("body", [zip_archive(), tar_archive()], ids=["zip", "tar"])
def test_damaged_archives_are_refused(body: bytes) -> None:
    assert unpack(body) == FILES
    chance = random.Random(7)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(body)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.choice(
                (0, 1, 0x20, 0x40, 0x80, 0xFF, chance.randrange(256))
            )
        del damaged[chance.choice((len(damaged), chance.randrange(len(damaged)))) :]
        try:
            files = unpack(bytes(damaged))
        except (BadRequest, TooLarge):
            refused += 1
        else:
            assert sum(map(len, files.values())) <= MAX_SIZE
    assert refused > 700
