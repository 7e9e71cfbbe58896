"""Parts of the runtimes that need no process: signatures, results, streams, exit statuses, control groups."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import platform
import struct
from pathlib import Path
from typing import Any

import pytest
from tests.worker.jobs import Collected, spec

from orvanta_platform.sandbox import cgroups, landlock, seccomp
from orvanta_platform.sandbox.job import ANSWER, ERROR, HEAD, RESULT, STARTED
from orvanta_platform.units import size_text
from orvanta_platform.worker.limited_log import LimitedLog
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.outcome import JobError
from orvanta_platform.worker.runtimes.bash.host import arguments
from orvanta_platform.worker.runtimes.exit_status import JobObservations, outcome_of
from orvanta_platform.worker.runtimes.python.results import NotJson, to_json
from orvanta_platform.worker.runtimes.streams import JobAnswer, LastLine, MergedOutput, OutputWaiter
from orvanta_platform.workflow.signature.bash import Parameter, parameters

SCRIPT = """#!/bin/bash
# x="$9" is only a comment
host="$1"
port=${2:-5432}
export name="${3:-a b}"   # the name
  local mode=$4; echo hi
wrong="$5 and more"
echo "$6"
again="$1"
"""


def test_parameters_of_a_bash_script() -> None:
    assert parameters(SCRIPT) == [
        Parameter("host", 1, None),
        Parameter("port", 2, "5432"),
        Parameter("name", 3, "a b"),
        Parameter("mode", 4, None),
    ]


def test_reading_a_signature_runs_nothing(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    parameters(f'x="$1"\n$(touch {target})\ny="${{2:-$(touch {target})}}"\n')
    assert not target.exists()


def test_arguments_go_to_their_positions() -> None:
    given = {"port": 1, "host": "h", "mode": True, "other": 2}
    assert arguments(SCRIPT, given) == ["h", "1", "", "true"]
    assert arguments("echo", {"x": 1}) == []
    assert arguments('b="$2"', {"b": {"k": [1, None, "é"]}}) == ["", '{"k":[1,null,"é"]}']


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": {"b": [print]}}, "result.a.b[0] is of type builtin_function_or_method"),
        ([object()], "result[0] is of type object"),
    ],
)
def test_non_json_value_is_named(value: Any, says: str) -> None:
    with pytest.raises(NotJson, match=says.replace("[", r"\[")):
        to_json(value)


def test_repeated_value_is_not_cycle() -> None:
    shared = [1]
    assert to_json([shared, shared, {"a": shared}]) == b'[[1],[1],{"a":[1]}]'
    with pytest.raises(NotJson, match="is of type object"):
        to_json([shared, shared, object()])


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        (["a\nb"], "b"),
        (["a\nb\n"], "b"),
        (["a", "b\n", "c", "d"], "cd"),
        (["ab\n", "", "c\n"], "c"),
        (["a\n", "\n"], ""),
        (["x", "y\n"], "xy"),
        ([], ""),
    ],
)
def test_last_line_across_pieces(pieces: list[str], line: str) -> None:
    last = LastLine(10)
    for piece in pieces:
        last.add(piece)
    assert last.text == line
    assert not last.too_long


def test_too_long_last_line_is_discarded() -> None:
    last = LastLine(10)
    for _ in range(5):
        last.add("12345")
    assert last.too_long
    last.add("\nshort")
    assert not last.too_long
    assert last.text == "short"


async def pumped(pieces: list[bytes]) -> str:
    """Return the log of an output that is written in these pieces."""
    read, write = os.pipe()
    log = Collected()
    output = MergedOutput(read, LimitedLog(log, Limits(log_bytes=1 << 20)))
    pumping = asyncio.ensure_future(output.pump(OutputWaiter()))
    for piece in pieces:
        os.write(write, piece)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    os.close(write)
    await pumping
    output.close()
    return log.text


async def test_characters_split_over_two_reads_are_joined() -> None:
    text = "a🐈é\0b"
    data = text.encode()
    for cut in range(len(data)):
        assert await pumped([data[:cut], data[cut:]]) == "a🐈é\ufffdb"
    assert await pumped([b"a\xf0\x9f"]) == "a\ufffd"


def test_answer_is_read_up_to_its_length() -> None:
    read, write = os.pipe2(os.O_NONBLOCK)
    whole = STARTED + ANSWER.pack(RESULT, 3) + b"123"
    answer = JobAnswer(read, 100)
    for piece in (whole[:1], whole[1:7], whole[7:-1]):
        os.write(write, piece)
        assert not answer.read()
    os.write(write, whole[-1:])
    assert answer.read()
    assert bytes(answer.head) + answer.take() == whole
    os.write(write, STARTED + ANSWER.pack(RESULT, 1 << 60) + b"123")
    long = JobAnswer(read, 100)
    assert long.read()
    assert long.take() == b"123"
    os.close(write)
    ended = JobAnswer(read, 100)
    assert ended.read()
    assert (bytes(ended.head), ended.take()) == (b"", b"")
    os.close(read)


def end(answer: bytes, code: int | None = 0, **fields: Any) -> JobObservations:
    defaults: dict[str, Any] = {"printed": None, "stopped_by": None, "over": None, "mem_peak_kb": 1}
    return JobObservations(code, answer[:HEAD], answer[HEAD:], **(defaults | fields))


def answer(kind: bytes, text: bytes) -> bytes:
    return STARTED + ANSWER.pack(kind, len(text)) + text


def test_malformed_answer_is_rejected() -> None:
    """User code runs in the process of the host program and can therefore write any answer."""
    for forged in (b"{", b"NaN", b'"\xff"', b"1 2", b""):
        outcome = outcome_of(spec("python3", ""), end(answer(RESULT, forged)))
        assert outcome.error is not None
        assert outcome.error.name == "ResultNotJson"
    for forged in (b"{", b"[]", b'{"name": 1, "message": 2}'):
        outcome = outcome_of(spec("python3", ""), end(answer(ERROR, forged)))
        assert outcome.error is not None
    cut = STARTED + ANSWER.pack(RESULT, 10) + b"123"
    assert outcome_of(spec("python3", ""), end(cut, 0)).error == JobError(
        "ExitCode", "the script ended with exit code 0 without a result"
    )


def test_large_error_is_cut() -> None:
    """Handlers of failed runs load several errors at once. The process of the script can write one of any size."""
    found = {"name": "E", "message": "m" * 3_000_000, "stack": "s" * 3_000_000, "extra": {"x": "e" * 3_000_000}}
    error = outcome_of(spec("python3", ""), end(answer(ERROR, json.dumps(found).encode()))).error
    assert error is not None and error.name == "E" and error.extra is None
    assert error.message.startswith("mmm") and error.message.endswith("more characters")
    assert len(json.dumps([error.message, error.stack])) < 200_000


def test_result_counts_despite_exceeded_limit_except_processes() -> None:
    good = answer(RESULT, b"1")
    assert outcome_of(spec("python3", ""), end(good, over="memory")).result == b"1"
    assert outcome_of(spec("python3", ""), end(good, over="disk")).result == b"1"
    outcome = outcome_of(spec("python3", ""), end(good, over="processes"))
    assert outcome.error is not None
    assert outcome.stopped_by == "processes"


def test_sizes_for_people() -> None:
    assert [size_text(n) for n in (1 << 30, 3 << 19, 1000)] == ["1 GiB", "1.5 MiB", "1000 bytes"]


def test_groups_of_version_2(tmp_path: Path) -> None:
    """Folder and files of the control group; the kernel's part can only be tested on a machine with version 2."""
    own = tmp_path / "unit" / "worker"
    own.mkdir(parents=True)
    (tmp_path / "unit" / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (own / "cgroup.subtree_control").write_text("")
    mounts, groups = tmp_path / "mountinfo", tmp_path / "cgroup"
    mounts.write_text(f"30 20 0:26 / {tmp_path} rw,nosuid - cgroup2 cgroup2 rw\n")
    groups.write_text("0::/unit/worker\n")
    places = cgroups.find(mounts, groups)
    assert places == {
        "memory": cgroups.GroupFolder(tmp_path / "unit", 2),
        "pids": cgroups.GroupFolder(tmp_path / "unit", 2),
    }
    group = cgroups.Groups(places).take()
    assert group is not None
    folder = group.folders["memory"].folder
    (folder / "memory.events").write_text("oom 0\noom_kill 2\n")
    (folder / "pids.events").write_text("max 0\n")
    (folder / "memory.peak").write_text("2048\n")
    group.limit(1 << 20, 10)
    assert (folder / "memory.max").read_text() == str(1 << 20)
    assert (folder / "pids.max").read_text() == "11"
    assert group.peak_kb == 2
    assert not group.out_of_memory
    (folder / "memory.events").write_text("oom 0\noom_kill 3\n")
    (folder / "pids.events").write_text("max 1\n")
    assert group.out_of_memory
    assert group.out_of_processes


def test_no_groups_without_delegation(tmp_path: Path) -> None:
    mounts, groups = tmp_path / "mountinfo", tmp_path / "cgroup"
    mounts.write_text(f"30 20 0:26 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    groups.write_text("0::/\n")
    assert cgroups.find(mounts, groups) == {}
    assert cgroups.Groups({}).take() is None


def test_filter_consists_of_whole_instructions() -> None:
    program = seccomp.program()
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4096


def verdict_of(
    program: bytes, number: int, first: int = 0, second: int = 0, third: int = 0, arch: int | None = None
) -> int:
    """Return the action of the filter for a system call; interprets six instructions of classic BPF."""
    code = list(struct.iter_unpack("HBBI", program))
    own = code[1][3]
    data = {0: number, 4: own if arch is None else arch, 16: first, 24: second, 32: third}
    at, loaded = 0, 0
    while True:
        kind, yes, no, value = code[at]
        at += 1
        match kind:
            case 0x20:
                loaded = data[value]
            case 0x15:
                at += yes if loaded == value else no
            case 0x35:
                at += yes if loaded >= value else no
            case 0x45:
                at += yes if loaded & value else no
            case 0x06:
                return int(value)


def test_filter_matches_tables_for_every_syscall() -> None:
    program = seccomp.program()
    allow, kill, denied, unknown = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
    _, by_arguments, numbers = seccomp._ARCHITECTURES[platform.machine()]
    clone, ioctl, socket, setsockopt = (by_arguments[name] for name in ("clone", "ioctl", "socket", "setsockopt"))
    forbidden = {*numbers.values(), *seccomp._DENIED.values()}
    for number in range(1024):
        expected = unknown if number == 435 else denied if number in forbidden else allow
        assert verdict_of(program, number) == expected, number
    assert verdict_of(program, clone, first=0x10000000) == denied, "a user namespace"
    assert verdict_of(program, clone, first=0x00010F00) == allow, "a thread"
    assert verdict_of(program, ioctl, second=0x5412) == verdict_of(program, ioctl, second=0x541C) == denied
    assert verdict_of(program, ioctl, second=0x5401) == allow
    assert verdict_of(program, socket, first=40) == denied and verdict_of(program, socket, first=2) == allow
    no_protocol, no_option = 0x00050000 | errno.EPROTONOSUPPORT, 0x00050000 | errno.ENOPROTOOPT
    assert verdict_of(program, socket, first=43) == 0x00050000 | errno.EAFNOSUPPORT
    assert verdict_of(program, socket, first=2, second=1, third=6) == allow
    assert verdict_of(program, socket, first=2, second=1, third=262) == no_protocol, "MPTCP"
    assert verdict_of(program, socket, first=10, second=1, third=256) == no_protocol, "SMC"
    assert verdict_of(program, setsockopt, second=1, third=15) == no_option, "SO_REUSEPORT"
    assert verdict_of(program, setsockopt, second=1, third=2) == allow, "SO_REUSEADDR"
    assert verdict_of(program, setsockopt, second=6, third=15) == allow, "another level"
    assert verdict_of(program, 0, arch=1) == kill


def test_hidden_folders_are_not_readable(tmp_path: Path) -> None:
    for name in ("a/b/secret", "a/c", "d"):
        (tmp_path / name).mkdir(parents=True)
    hidden = [str(tmp_path / "a/b/secret")]
    allowed = landlock.without(str(tmp_path), hidden)
    assert sorted(allowed) == [str(tmp_path / "a/c"), str(tmp_path / "d")]
    assert landlock.without(str(tmp_path / "a/b/secret/x"), hidden) == []
