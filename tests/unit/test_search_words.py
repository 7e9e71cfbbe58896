"""Words of run data and of what is looked for."""

from __future__ import annotations

import pytest

from orvanta_platform.services.run_views.search_words import MOST_WORDS, SearchTerms, Words


def test_ids_are_found_by_each_of_their_words_and_by_their_beginning() -> None:
    words = Words()
    words.add(":args", b'{"order": "ORD-4711-x", "who": "Ann@Example.com", "n": 4.50, "big": 12345678901234567890}')
    words.add("a:result", b'["\\u00dcber_4711", true, null, "$var:u/ann/4712"]')
    assert words.places == [":args", "a:result"]
    assert words.vector == (
        "'12345678901234567890':1 '4':1 '4711':1,2 '50':1 'ann':1 'com':1 'example':1 'ord':1 'x':1 '\u00fcber':2"
    )


def test_what_is_left_out_is_nowhere() -> None:
    words = Words()
    words.add(":args", b'{"token": "tell nobody"}')
    words.add("a:result", b'"nobody is told"')
    words.leave_out(b'"tell nobody"')
    assert words.vector == "'is':2 'told':2"


def test_a_run_has_so_many_words_at_most() -> None:
    words = Words()
    words.add(":args", b"[" + b",".join(b"%d" % n for n in range(MOST_WORDS + 50)) + b"]")
    assert words.vector.count(":") == MOST_WORDS


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("4711", "'4711':*"),
        ("ORD-4711-x", "'ord' & '4711' & 'x'"),
        ("ann@exam", "'ann' & 'exam':*"),
        ("47", "'47'"),
        ("a' | b:*", "'a' & 'b'"),
        ("paid 4711", "'paid' & '4711':*"),
    ],
)
def test_what_is_asked(text: str, query: str) -> None:
    assert SearchTerms.of(text).query == query


def test_nothing_is_asked_without_a_word() -> None:
    assert SearchTerms.of(" -- ! ").parts == []


def test_a_part_stands_in_one_place_as_a_whole() -> None:
    found = {"ord": frozenset({"a:args"}), "4711": frozenset({"a:args", "b:result"}), "47110": frozenset({"c:args"})}
    assert SearchTerms.of("ORD-4711").places(found) == ["a:args"]
    assert SearchTerms.of("4711").places(found) == ["a:args", "b:result", "c:args"]
    assert SearchTerms.of("4711-ord").places({**found, "4711": frozenset({"b:result"})}) == []
    assert SearchTerms.of("ord 4711").places(found) == ["a:args", "b:result", "c:args"]
