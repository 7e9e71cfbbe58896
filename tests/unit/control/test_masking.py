"""Masking of secrets: all encodings, text split into pieces, and valid JSON output."""

from __future__ import annotations

import base64
import json
import random
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orvanta_platform.control.masking import MIN_LENGTH, OpenedSecrets, texts_of
from orvanta_platform.workflow.mask import MASK

SECRETS = ["s3cr3t/pa ss+wörd=", 'quo"te\\back\nslash', "hunter2!", "x" * 300]
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----\n"


def forms(secret: str) -> list[str]:
    data = secret.encode()
    encoded = [base64.b64encode(b"#" * before + data + b"#" * after) for before in range(3) for after in range(3)]
    safe = [base64.urlsafe_b64encode(b"#" * before + data) for before in range(3)]
    urls = [quote(secret, safe=""), quote(secret), quote_plus(secret)]
    return [
        *(secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False)),
        *(each.decode() for each in (*encoded, *safe)),
        *(*urls, urls[0].lower() if secret.islower() else urls[0]),
    ]


def leaks(secret: str, text: str) -> bool:
    """Return True if the text contains the secret or its Base64 form."""
    return secret in text or any(part in text for part in (base64.b64encode(secret.encode()).decode()[:-4],))


@pytest.mark.parametrize("secret", SECRETS)
def test_each_form_of_a_secret_is_masked(secret: str) -> None:
    opened = OpenedSecrets([secret])
    for form in forms(secret):
        masked = opened.mask_text(f"before {form} after")
        assert MASK in masked and masked.startswith("before ") and masked.endswith(" after"), form
        assert not leaks(secret, masked) and len(masked) < len("before  after") + 13, (form, masked)


def test_other_text_is_unchanged() -> None:
    opened = OpenedSecrets(["correct horse"])
    assert opened.mask_text("battery staple correct") == "battery staple correct"
    assert opened.mask_json(b'{"a": 1.50, "b":["x"]}') == b'{"a": 1.50, "b":["x"]}'
    assert not OpenedSecrets() and OpenedSecrets().mask_text("x") == "x" and OpenedSecrets().split("x") == ("x", "")


def test_short_texts_are_not_masked() -> None:
    opened = OpenedSecrets(["a" * (MIN_LENGTH - 1), ""])
    assert opened.patterns == ()
    assert opened.mask_text("aaaaaaaaaaaa") == "aaaaaaaaaaaa"
    assert opened.mask_json(b'"aaaaaaaa"') == b'"aaaaaaaa"'


def test_parts_of_a_secret_printed_alone_are_masked() -> None:
    lines = OpenedSecrets([PEM])
    masked = lines.mask_text(f"key line 2: {PEM.splitlines()[1]} and {PEM.splitlines()[2]}")
    assert masked == f"key line 2: {MASK} and {MASK}"
    assert "-----BEGIN PRIVATE KEY-----" in lines.mask_text("-----BEGIN PRIVATE KEY----- is how it begins")
    account = OpenedSecrets(
        [json.dumps({"private_key": "abcdef123", "uri": "https://x", "n": [{"deep": "inner-secret"}]})]
    )
    assert account.mask_text("abcdef123 inner-secret private_key") == f"{MASK} {MASK} private_key"
    assert OpenedSecrets(["secret-text\n"]).mask_text("secret-text.") == f"{MASK}."


def test_secrets_that_overlap_are_masked_as_one() -> None:
    opened = OpenedSecrets(["passwordA", "Aword123", "password"])
    assert opened.mask_text("passwordAword123!") == f"{MASK}!"
    assert opened.mask_text("passwordpassword") == f"{MASK}{MASK}"


@pytest.mark.parametrize("secret", SECRETS)
def test_secret_over_two_writes_is_masked(secret: str) -> None:
    opened = OpenedSecrets([secret])
    for form in forms(secret)[:6]:
        text = f"one {form} two"
        for cut in range(len(text)):
            first, held = opened.split(text[:cut])
            second, rest = opened.split(held + text[cut:])
            assert first + second + opened.mask_text(rest) == opened.mask_text(text), cut


@given(st.lists(st.sampled_from([*"abc", "abcab", "cabca", "\n", "é"]), max_size=60), st.integers())
@example(["abcab", "cabca"], 3)
def test_pieces_of_any_size_give_the_same_as_the_whole(parts: list[str], seed: int) -> None:
    """Secrets that overlap themselves at a border are excluded: only their complete occurrences are always masked."""
    opened = OpenedSecrets(["abcabc", "bca\nca"])
    chosen = random.Random(seed)
    text = "".join(parts)
    done, held, place = "", "", 0
    while place < len(text):
        step = chosen.randint(1, 9)
        given_away, held = opened.split(held + text[place : place + step])
        done, place = done + given_away, place + step
        assert len(held) < max(map(len, opened.patterns))
    done += opened.mask_text(held)
    assert "abcabc" not in done and "bca\nca" not in done
    if MASK not in opened.mask_text(text):
        assert done == text


def test_text_that_cannot_become_a_secret_is_not_held_back() -> None:
    opened = OpenedSecrets(["hunter2-hunter2"])
    assert opened.split("all of this\n") == ("all of this\n", "")
    assert opened.split("all of this hunt") == ("all of this ", "hunt")


SAMPLES: list[tuple[str, Any, Any]] = [
    ("hunter22", {"a": ["x hunter22 y", 1.5]}, {"a": ["x *** y", 1.5]}),
    ("hunter22", {"hunter22": "v"}, {"***": "v"}),
    ("1234567", {"pin": 1234567, "other": 99123456799, "n": -1.5e3}, {"pin": "***", "other": "***", "n": -1500.0}),
    ('a"b\\c\nd', ['a"b\\c\nd'], ["***"]),
    ("wörd-é-wörd", ["wörd-é-wörd"], ["***"]),
    ("hunter22", [base64.b64encode(b"user:hunter22").decode()], ["dXNlc***"]),
    ('{"k":"v1"}', {"k": "v1"}, {"***": "***"}),
]


@pytest.mark.parametrize(("secret", "value", "masked"), SAMPLES)
@pytest.mark.parametrize("ascii", [True, False])
def test_json_stays_json(secret: str, value: Any, masked: Any, ascii: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii, separators=(",", ":")).encode()
    found = json.loads(OpenedSecrets([secret]).mask_json(raw))
    if isinstance(masked, list) and masked and str(masked[0]).startswith("dXNl"):
        assert found[0].startswith("dXNl") and MASK in found[0]
    else:
        assert found == masked


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | st.just("the-secret"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_stays_json_and_the_rest_of_it_the_same(value: Any) -> None:
    raw = json.dumps(value).encode()
    masked = OpenedSecrets(["the-secret"]).mask_json(raw)
    assert b"the-secret" not in masked
    assert json.loads(masked) == json.loads(raw.replace(b"the-secret", MASK.encode()))


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        (b'"a\\n\\u00e9"', ["a\né"]),
        (b"1234567", ["1234567"]),
        (b'{"a":["x",{"b":"y"}],"c":""}', ["x", "y"]),
        (b"true", ["true"]),
    ],
)
def test_texts_of_a_secret_that_is_json(raw: bytes, texts: list[str]) -> None:
    assert sorted(texts_of(raw)) == sorted(texts)
