"""Reasons that are stored as a sentence with a code."""

from __future__ import annotations

import pytest

from orvanta_platform.errors import Conflict
from orvanta_platform.reasons import Reason, reason, reason_of, restored, stored


def test_stored_reason_has_its_message_code_and_values() -> None:
    found = reason("acting_item", kind="flow", path="f/a/b")
    assert found.message == "The release changes the workflow f/a/b, which acts for a member; a person must apply it."
    assert restored(stored(found)) == Reason(found.message, "acting_item", {"kind": "flow", "path": "f/a/b"})


def test_stored_reason_begins_with_its_message() -> None:
    found = reason("too_many_tests", count=1000)
    assert stored(found).startswith("The workflows of the release have more than 1,000 tests.")


@pytest.mark.parametrize("text", ["", "You may not run the script f/a.", "Broken\x1e{", "a\x1e", 'a\x1e{"code": 1}'])
def test_text_without_code_is_returned_as_it_is(text: str) -> None:
    assert restored(text) == Reason(text)


def test_separator_in_a_message_makes_no_code() -> None:
    assert restored(stored(Reason("one\x1etwo", "internal"))) == Reason("one two", "internal")
    forged = 'x\x1e{"code":"alert_disk","values":{"host":"db"}}'
    assert restored(stored(Reason(forged))) == Reason(forged.replace("\x1e", " "))


def test_unknown_code_is_not_restored() -> None:
    text = 'x\x1e{"code":"forged","values":{}}'
    assert restored(text) == Reason(text)
    assert restored(stored(Reason("x", "blocker_type_missing"))).code == "blocker_type_missing"


def test_text_of_a_departed_member_has_its_code() -> None:
    assert restored("identity_disabled: the member is gone.").code == "identity_disabled"


def test_error_has_the_reason_of_its_message() -> None:
    assert reason_of(Conflict("In use.")) == Reason("In use.")
    error = Conflict(reason("release_replaced"))
    assert (error.message, str(error)) == ("Another release was deployed in the meantime.",) * 2
    assert reason_of(error).code == "release_replaced"
