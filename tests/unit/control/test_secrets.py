"""Sealing: what opens where, and which fields of a resource are secret."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from orvanta_platform.control import secrets
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.masking import MASK
from orvanta_platform.control.secret_fields import put_back, take_out
from orvanta_platform.control.secrets import DataKey, Place, SecretUnreadable
from orvanta_platform.errors import BadRequest

KEY = DataKey(1, b"k" * 32)
PLACE = Place("main", "variable", "u/ada/token")
PASSWORD = {"type": "string", "password": True}


def test_a_secret_opens_at_its_place_alone() -> None:
    sealed = secrets.seal(KEY, PLACE, b"hush")
    assert b"hush" not in sealed and secrets.unseal(KEY, PLACE, sealed) == b"hush"
    assert sealed != secrets.seal(KEY, PLACE, b"hush")
    for place in (
        Place("other", "variable", "u/ada/token"),
        Place("main", "resource", "u/ada/token"),
        Place("main", "variable", "u/bob/token"),
        Place("main", "variableu", "/ada/token"),
    ):
        with pytest.raises(SecretUnreadable):
            secrets.unseal(KEY, place, sealed)
    for key in (DataKey(2, b"k" * 32), DataKey(1, b"x" * 32)):
        with pytest.raises(SecretUnreadable):
            secrets.unseal(key, PLACE, sealed)


def test_a_changed_or_cut_ciphertext_does_not_open() -> None:
    sealed = secrets.seal(KEY, PLACE, b"hush")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SecretUnreadable):
            secrets.unseal(KEY, PLACE, bytes(changed))
        with pytest.raises(SecretUnreadable):
            secrets.unseal(KEY, PLACE, sealed[:place])


def test_an_opening_is_for_one_attempt() -> None:
    keys, job = InstanceKeys(b"a" * 32), UUID(int=7)
    digest, sealed = secrets.seal_opening(keys, job, 1, ["hush"])
    again, _ = secrets.seal_opening(keys, job, 1, ["hush"])
    other, _ = secrets.seal_opening(keys, job, 1, ["hushed"])
    assert digest == again != other
    assert secrets.unseal_opening(keys, job, 1, sealed) == ["hush"]
    for job_, attempt, keys_ in ((UUID(int=8), 1, keys), (job, 2, keys), (job, 1, InstanceKeys(b"b" * 32))):
        with pytest.raises(SecretUnreadable):
            secrets.unseal_opening(keys_, job_, attempt, sealed)


def test_keys_do_not_show_themselves() -> None:
    assert "kkk" not in repr(KEY)


SCHEMA = {
    "type": "object",
    "properties": {
        "host": {"type": "string"},
        "password": PASSWORD,
        "token": {"type": "string", "format": "password"},
        "tls": {"type": "object", "properties": {"key": PASSWORD}},
        "users": {"type": "array", "items": {"properties": {"pass/word": PASSWORD}}},
        "headers": {"additionalProperties": {"format": "password"}},
        "either": {"oneOf": [{"type": "string"}, {"properties": {"secret": PASSWORD}}]},
        "shared": {"$ref": "#/$defs/login"},
    },
    "$defs": {"login": {"properties": {"pin": {"password": True}}}},
}
CASES: list[tuple[Any, Any, dict[str, Any]]] = [
    ({"host": "h", "password": "p"}, {"host": "h", "password": MASK}, {"/password": "p"}),
    ({"token": "t", "port": 1}, {"token": MASK, "port": 1}, {"/token": "t"}),
    ({"password": None, "token": ""}, {"password": None, "token": ""}, {}),
    ({"password": "$var:u/a/b", "token": "$res:u/a/b"}, {"password": "$var:u/a/b", "token": "$res:u/a/b"}, {}),
    ({"tls": {"key": "k", "ca": "c"}}, {"tls": {"key": MASK, "ca": "c"}}, {"/tls/key": "k"}),
    ({"users": [{"pass/word": "a"}, {}]}, {"users": [{"pass/word": MASK}, {}]}, {"/users/0/pass~1word": "a"}),
    ({"headers": {"A~b": "x"}}, {"headers": {"A~b": MASK}}, {"/headers/A~0b": "x"}),
    ({"either": {"secret": {"a": [1]}}}, {"either": {"secret": MASK}}, {"/either/secret": {"a": [1]}}),
    ({"shared": {"pin": 12345678}}, {"shared": {"pin": MASK}}, {"/shared/pin": 12345678}),
    ([1, "x"], [1, "x"], {}),
    ("text", "text", {}),
]


@pytest.mark.parametrize(("value", "shown", "secret"), CASES)
def test_what_the_schema_calls_a_password_is_taken_out(value: Any, shown: Any, secret: dict[str, Any]) -> None:
    raw = json.dumps(value).encode()
    masked, taken = take_out(raw, SCHEMA, {})
    assert json.loads(masked) == shown
    assert {place: json.loads(each) for place, each in taken.items()} == secret
    assert json.loads(put_back(masked, taken)) == value
    assert take_out(masked, SCHEMA, taken) == (masked, taken)


def test_numbers_keep_their_digits_and_what_has_no_secret_its_text() -> None:
    raw = b'{"password": "p", "n": 1.10, "big": 123456789012345678901234567890}'
    masked, _ = take_out(raw, SCHEMA, {})
    assert b"1.10" in masked and b"123456789012345678901234567890" in masked
    assert take_out(b' {"a": 1.0 } ', None, {}) == (b'{"a": 1.0 }', {})


def test_a_whole_value_may_be_secret() -> None:
    masked, taken = take_out(b'"hush"', PASSWORD, {})
    assert (masked, taken) == (b'"***"', {"": b'"hush"'})
    assert put_back(masked, taken) == b'"hush"'


def test_the_mask_keeps_what_is_there_and_stands_for_nothing_else() -> None:
    kept = {"/password": b'"old"', "/tls/key": b'"k"'}
    masked, taken = take_out(b'{"password":"***","tls":{"key":"new"}}', SCHEMA, kept)
    assert (masked, taken) == (
        b'{"password":"***","tls":{"key":"***"}}',
        {"/password": b'"old"', "/tls/key": b'"new"'},
    )
    assert take_out(b'{"tls":{}}', SCHEMA, kept)[1] == {}
    with pytest.raises(BadRequest, match="/token holds the mask"):
        take_out(b'{"token":"***"}', SCHEMA, kept)


def test_another_schema_takes_more_and_unseals_nothing() -> None:
    kept = {"/a": b'"old"', "/deep/b": b'"x"'}
    assert take_out(b'{"a":"***","deep":{"b":"***"},"c":"***"}', {}, kept) == (
        b'{"a":"***","deep":{"b":"***"},"c":"***"}',
        kept,
    )
    masked, taken = take_out(b'{"a":"***","deep":{"b":"***"}}', {"properties": {"deep": PASSWORD}}, kept)
    assert masked == b'{"a":"***","deep":"***"}'
    assert taken == {"/deep": b'{"b":"x"}', "/a": b'"old"'}


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"$ref": "#", "properties": {"next": {"$ref": "#"}, "p": PASSWORD}}
    value = {"p": "1", "next": {"p": "2", "next": {}}}
    masked, taken = take_out(json.dumps(value).encode(), schema, {})
    assert taken == {"/p": b'"1"', "/next/p": b'"2"'}
    assert json.loads(masked)["next"]["p"] == MASK
