"""Words that are extracted from run data and search queries."""

from __future__ import annotations

import pytest

from orvanta_platform.services.run_views.search_words import MAX_WORDS, SearchTerms, Words


def test_ids_are_found_by_each_of_their_words_and_by_their_beginning() -> None:
    words = Words()
    words.add(":args", b'{"order": "ORD-4711-x", "who": "Ann@Example.com", "n": 4.50, "big": 12345678901234567890}')
    words.add("a:result", b'["\\u00dcber_4711", true, null, "$var:u/ann/4712"]')
    assert words.places == [":args", "a:result"]
    assert words.vector == (
        "'12345678901234567890':1 '4':1 '4711':1,2 '50':1 'ann':1 'com':1 'example':1 'ord':1 'x':1 '\u00fcber':2"
    )


def test_omitted_data_is_not_indexed() -> None:
    words = Words()
    words.add(":args", b'{"token": "tell nobody"}')
    words.add("a:result", b'"nobody is told"')
    words.leave_out(b'"tell nobody"')
    assert words.vector == "'is':2 'told':2"


def test_number_of_words_of_a_run_is_limited() -> None:
    words = Words()
    words.add(":args", b"[" + b",".join(b"%d" % n for n in range(MAX_WORDS + 50)) + b"]")
    assert words.vector.count(":") == MAX_WORDS


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
def test_query_words(text: str, query: str) -> None:
    assert SearchTerms.of(text).query == query


def test_query_without_a_word_matches_nothing() -> None:
    assert SearchTerms.of(" -- ! ").parts == []


def test_part_is_in_one_place_as_a_whole() -> None:
    found = {"ord": frozenset({"a:args"}), "4711": frozenset({"a:args", "b:result"}), "47110": frozenset({"c:args"})}
    assert SearchTerms.of("ORD-4711").places(found) == ["a:args"]
    assert SearchTerms.of("4711").places(found) == ["a:args", "b:result", "c:args"]
    assert SearchTerms.of("4711-ord").places({**found, "4711": frozenset({"b:result"})}) == []
    assert SearchTerms.of("ord 4711").places(found) == ["a:args", "b:result", "c:args"]
