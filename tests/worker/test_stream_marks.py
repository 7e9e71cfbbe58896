"""Log and stream are separated in the same way for any division of the output into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orvanta_platform.worker.stream_marks import ARGUMENTS_MARK, HOST_MARK, StreamMarks


def separate(*pieces: str) -> tuple[str, str]:
    marks = StreamMarks()
    found = [marks.feed(piece) for piece in pieces] + [marks.rest()]
    return "".join(log for log, _ in found), "".join(stream for _, stream in found)


@pytest.mark.parametrize(
    ("output", "log", "stream"),
    [
        ("a\nOV_STREAM: b\nc\n", "a\nc\n", "b"),
        ("WM_STREAM: b", "", "b"),
        ("a OV_STREAM: b\n", "a OV_STREAM: b\n", ""),
        ("OV_STREAM:b\nOV_STREA", "OV_STREAM:b\nOV_STREA", ""),
        ("OV_STREAM: a\\nb\\\\nc\\td\\\n", "", "a\nb\\\nc\\td\\"),
        (f"a{HOST_MARK}b\\\\nc\\nd\\0\ne", "ae", "b\\nc\nd\0"),
        (f"a{HOST_MARK}b\nOV_STREAM: c\n", "aOV_STREAM: c\n", "b"),
        (f"{HOST_MARK}b\nOV_STREAM: c\n{HOST_MARK}\nd", "d", "bc"),
        (f"{HOST_MARK[0]}a\n{HOST_MARK[:5]}", f"{HOST_MARK[0]}a\n{HOST_MARK[:5]}", ""),
    ],
)
def test_any_chunking_produces_same_result(output: str, log: str, stream: str) -> None:
    assert separate(output) == (log, stream)
    assert separate(*output) == (log, stream)
    for index in range(len(output)):
        assert separate(output[:index], output[index:]) == (log, stream)


def test_first_computed_arguments_are_separated_from_log_and_stream() -> None:
    output = f'a{ARGUMENTS_MARK}{{"x": "\\n"}}\nb{HOST_MARK}c\n{ARGUMENTS_MARK}{{}}\n{ARGUMENTS_MARK}unfinished'
    for pieces in ([output], list(output)):
        marks = StreamMarks()
        found = [marks.feed(piece) for piece in pieces] + [marks.rest()]
        assert ("".join(log for log, _ in found), "".join(stream for _, stream in found)) == ("ab", "c")
        # Only the first ones count, and later ones are not retained.
        assert (marks.take_arguments(), marks.take_arguments()) == ('{"x": "\\n"}', None)


PARTS = ["OV_STREAM: ", "WM_ST", "REAM: ", HOST_MARK, ARGUMENTS_MARK, "\n", "\\", "n", "0", "x"]


@given(st.lists(st.sampled_from(PARTS), max_size=30))
def test_pieces_do_not_matter(parts: list[str]) -> None:
    assert separate(*parts) == separate("".join(parts)) == separate(*"".join(parts))


def test_log_is_held_back_only_at_possible_mark() -> None:
    marks = StreamMarks()
    assert marks.feed("a prompt: ") == ("a prompt: ", "")
    assert marks.feed("O") == ("O", "")
    assert marks.feed("\nO") == ("\n", "")
    assert marks.feed("kay?") == ("Okay?", "")
