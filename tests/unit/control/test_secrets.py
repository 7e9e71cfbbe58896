"""Sealing of secrets: the context in which each can be opened, and the secret fields of a resource."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from orvanta_platform.control import secrets
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.secret_fields import extract, restore
from orvanta_platform.control.secrets import DataKey, SecretLocation, SecretUnreadable
from orvanta_platform.errors import BadRequest, TooComplex, UnsupportedPassword
from orvanta_platform.workflow.mask import MASK

KEY = DataKey(1, b"k" * 32)
PLACE = SecretLocation("main", "variable", "u/ada/token")
PASSWORD = {"type": "string", "password": True}


def test_secret_opens_only_at_its_place() -> None:
    sealed = secrets.seal(KEY, PLACE, b"hush")
    assert b"hush" not in sealed and secrets.unseal(KEY, PLACE, sealed) == b"hush"
    assert sealed != secrets.seal(KEY, PLACE, b"hush")
    for place in (
        SecretLocation("other", "variable", "u/ada/token"),
        SecretLocation("main", "resource", "u/ada/token"),
        SecretLocation("main", "variable", "u/bob/token"),
        SecretLocation("main", "variableu", "/ada/token"),
    ):
        with pytest.raises(SecretUnreadable):
            secrets.unseal(KEY, place, sealed)
    for key in (DataKey(2, b"k" * 32), DataKey(1, b"x" * 32)):
        with pytest.raises(SecretUnreadable):
            secrets.unseal(key, PLACE, sealed)


def test_changed_or_cut_ciphertext_does_not_open() -> None:
    sealed = secrets.seal(KEY, PLACE, b"hush")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SecretUnreadable):
            secrets.unseal(KEY, PLACE, bytes(changed))
        with pytest.raises(SecretUnreadable):
            secrets.unseal(KEY, PLACE, sealed[:place])


def test_opening_is_valid_for_one_attempt() -> None:
    keys, job = InstanceKeys(b"a" * 32), UUID(int=7)
    digest, sealed = secrets.seal_opening(keys, job, 1, ["hush"])
    again, _ = secrets.seal_opening(keys, job, 1, ["hush"])
    other, _ = secrets.seal_opening(keys, job, 1, ["hushed"])
    assert digest == again != other
    assert secrets.unseal_opening(keys, job, 1, sealed) == ["hush"]
    for job_, attempt, keys_ in ((UUID(int=8), 1, keys), (job, 2, keys), (job, 1, InstanceKeys(b"b" * 32))):
        with pytest.raises(SecretUnreadable):
            secrets.unseal_opening(keys_, job_, attempt, sealed)


def test_keys_are_not_printed() -> None:
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
def test_passwords_of_the_schema_are_extracted(value: Any, shown: Any, secret: dict[str, Any]) -> None:
    raw = json.dumps(value).encode()
    masked, taken = extract(raw, SCHEMA, {})
    assert json.loads(masked) == shown
    assert {place: json.loads(each) for place, each in taken.items()} == secret
    assert json.loads(restore(masked, taken)) == value
    assert extract(masked, SCHEMA, taken) == (masked, taken)


def test_numbers_and_values_without_secrets_are_unchanged() -> None:
    raw = b'{"password": "p", "n": 1.10, "big": 123456789012345678901234567890}'
    masked, _ = extract(raw, SCHEMA, {})
    assert b"1.10" in masked and b"123456789012345678901234567890" in masked
    assert extract(b' {"a": 1.0 } ', None, {}) == (b'{"a": 1.0 }', {})


def test_whole_value_may_be_secret() -> None:
    masked, taken = extract(b'"hush"', PASSWORD, {})
    assert (masked, taken) == (b'"***"', {"": b'"hush"'})
    assert restore(masked, taken) == b'"hush"'


def test_mask_keeps_the_stored_value_only() -> None:
    stored = {"/password": b'"old"', "/tls/key": b'"k"'}
    masked, taken = extract(b'{"password":"***","tls":{"key":"new"}}', SCHEMA, stored)
    assert (masked, taken) == (
        b'{"password":"***","tls":{"key":"***"}}',
        {"/password": b'"old"', "/tls/key": b'"new"'},
    )
    assert extract(b'{"tls":{}}', SCHEMA, stored)[1] == {}
    with pytest.raises(BadRequest, match="/token is the mask"):
        extract(b'{"token":"***"}', SCHEMA, stored)


def test_another_schema_extracts_more_and_unseals_nothing() -> None:
    stored = {"/a": b'"old"', "/deep/b": b'"x"'}
    assert extract(b'{"a":"***","deep":{"b":"***"},"c":"***"}', {}, stored) == (
        b'{"a":"***","deep":{"b":"***"},"c":"***"}',
        stored,
    )
    masked, taken = extract(b'{"a":"***","deep":{"b":"***"}}', {"properties": {"deep": PASSWORD}}, stored)
    assert masked == b'{"a":"***","deep":"***"}'
    assert taken == {"/deep": b'{"b":"x"}', "/a": b'"old"'}


def test_recursive_schema_terminates() -> None:
    schema = {"$ref": "#", "properties": {"next": {"$ref": "#"}, "p": PASSWORD}}
    value = {"p": "1", "next": {"p": "2", "next": {}}}
    masked, taken = extract(json.dumps(value).encode(), schema, {})
    assert taken == {"/p": b'"1"', "/next/p": b'"2"'}
    assert json.loads(masked)["next"]["p"] == MASK


P = {"type": "string", "format": "password"}
TWICE = {"anyOf": [{"properties": {"x": {"$ref": "#/$defs/n"}}}, {"properties": {"x": {"$ref": "#/$defs/n"}, "p": P}}]}
ONE = b'"hush"'


@pytest.mark.parametrize(
    ("schema", "raw", "places"),
    [
        pytest.param({"patternProperties": {"^t": P}}, b'{"tok":"hush"}', ["/tok"], id="patternProperties"),
        pytest.param(
            {"properties": {"a": {}}, "patternProperties": {"^t": P}, "additionalProperties": P},
            b'{"tok":"hush","b":"hush"}',
            ["/tok", "/b"],
            id="patternProperties and additionalProperties",
        ),
        pytest.param({"prefixItems": [{}, P]}, b'["a","hush","b"]', ["/1"], id="prefixItems"),
        pytest.param({"items": [{}, P]}, b'["a","hush","b"]', ["/1"], id="items as a list"),
        pytest.param({"items": [{}], "additionalItems": P}, b'["","hush"]', ["/1"], id="additionalItems"),
        pytest.param({"prefixItems": [{}], "items": P}, b'["","hush"]', ["/1"], id="items after prefixItems"),
        pytest.param({"dependentSchemas": {"a": {"properties": {"c": P}}}}, b'{"c":"hush"}', ["/c"], id="dependent"),
        pytest.param({"dependencies": {"a": {"properties": {"c": P}}}}, b'{"c":"hush"}', ["/c"], id="dependencies"),
        pytest.param({"if": {}, "then": {"properties": {"c": P}}}, b'{"c":"hush"}', ["/c"], id="then"),
        pytest.param({"if": {}, "else": {"properties": {"c": P}}}, b'{"c":"hush"}', ["/c"], id="else"),
        pytest.param({"properties": {"c": {"$ref": "#/x/0"}}, "x": [P]}, b'{"c":"hush"}', ["/c"], id="index"),
        pytest.param({"items": {"$ref": "#/%24defs/p"}, "$defs": {"p": P}}, b'["hush"]', ["/0"], id="percent"),
        pytest.param({"items": {"$ref": "#/$defs/a~1b~01"}, "$defs": {"a/b~1": P}}, b'["hush"]', ["/0"], id="tilde"),
        pytest.param({"items": {"$ref": "#/$defs/a%2Fb"}, "$defs": {"a": {"b": P}}}, b'["hush"]', ["/0"], id="slash"),
        pytest.param({"properties": {"a": {"$ref": ""}, "c": P}}, b'{"a":{"c":"hush"}}', ["/a/c"], id="empty"),
        pytest.param({"$defs": {"p": P}, "default": P, "properties": {"password": True}}, b'{"a":"b"}', [], id="data"),
    ],
)
def test_passwords_below_every_covered_keyword(schema: Any, raw: bytes, places: list[str]) -> None:
    shown, taken = extract(raw, schema, {})
    assert sorted(taken) == sorted(places) and set(taken.values()) <= {ONE}
    assert ONE not in shown and restore(shown, taken) == raw


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"contains": P}, id="contains"),
        pytest.param({"unevaluatedProperties": P}, id="unevaluatedProperties"),
        pytest.param({"unevaluatedItems": P}, id="unevaluatedItems"),
        pytest.param({"propertyNames": P}, id="propertyNames"),
        pytest.param({"not": {"properties": {"a": P}}}, id="not"),
        pytest.param({"unknown": [{"deep": P}]}, id="unknown keyword"),
        pytest.param({"contains": {"$ref": "#/$defs/p"}, "$defs": {"p": P}}, id="reference below contains"),
        pytest.param(
            {"items": [{"$ref": "#/$defs/p"}, {"contains": {"$ref": "#/$defs/p"}}], "$defs": {"p": P}}, id="both"
        ),
        pytest.param(
            {"foo": {"properties": {"a": P}}, "contains": {"$ref": "#/foo"}, "items": {"$ref": "#/foo/properties/a"}},
            id="both below an unknown keyword",
        ),
        pytest.param({"contains": {"format": "resource-postgresql"}}, id="resource type below contains"),
        pytest.param({"allOf": {"a": P}}, id="keyword of another kind"),
        pytest.param({"items": {"$ref": "#pw"}, "$defs": {"p": {"$anchor": "pw", **P}}}, id="anchor"),
        pytest.param({"$id": "https://e.org/s", "items": {"$ref": "https://e.org/s#/p"}, "p": P}, id="address"),
        pytest.param({"items": {"$id": "b", "$ref": "#/$defs/p", "$defs": {"p": P}}, "$defs": {"p": {}}}, id="base"),
        pytest.param(
            {"items": {"$ref": "#/$defs/b/x"}, "$defs": {"b": {"$id": "b", "x": {"$ref": "#/p"}, "p": P}}, "p": {}},
            id="through a base",
        ),
        pytest.param({"items": {"$dynamicRef": "#p"}, "$defs": {"p": {"$dynamicAnchor": "p", **P}}}, id="dynamic"),
        pytest.param({"items": {"$recursiveRef": "#"}, "properties": {"p": P}}, id="recursive"),
        pytest.param({"items": {"$ref": "#/$defs/q"}, "$defs": {"p": P}}, id="nowhere"),
        pytest.param({"items": {"$ref": "#/x/00"}, "x": [P]}, id="odd index"),
    ],
)
def test_passwords_in_uncovered_places_are_rejected(schema: Any) -> None:
    with pytest.raises(UnsupportedPassword, match="cannot be protected"):
        extract(b'{"a":"hush"}', schema, {})


def nested(levels: int) -> bytes:
    return b'{"a":' + b'{"x":' * levels + b'{"p":"hush"}' + b"}" * (levels + 1)


def test_each_place_is_visited_once_despite_many_alternatives() -> None:
    schema = {"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": TWICE}}
    _, taken = extract(nested(40), schema, {})
    assert taken == {"/a" + "/x" * 40 + "/p": ONE}
    for width in (4, 10):
        again = {"allOf": [{"$ref": "#/$defs/r"}] * width, "properties": {"p": P}}
        assert extract(b'{"p":"hush"}', {"$ref": "#/$defs/r", "$defs": {"r": again}}, {})[1] == {"/p": ONE}


@pytest.mark.parametrize(
    ("schema", "raw"),
    [
        pytest.param({"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": TWICE}}, nested(3_000), id="deep"),
        pytest.param({"items": P}, b"[%s1]" % (b"1," * 50_000), id="items"),
        pytest.param({"items": P}, b"[%s1]" % (b"1," * 5_000_000), id="many items"),
        pytest.param({"items": {"allOf": [{"items": P}] * 5_000}}, b"[%s1]" % (b"1," * 5_000), id="wide"),
        pytest.param({"properties": {str(place): dict(P) for place in range(50_000)}}, b"{}", id="schema"),
        pytest.param({"items": P}, b'["\\ud800",%s1]' % (b"[]," * 100_000), id="slow to scan"),
    ],
)
def test_work_is_limited(schema: Any, raw: bytes) -> None:
    with pytest.raises(TooComplex):
        extract(raw, schema, {})


def test_values_without_passwords_are_not_walked() -> None:
    rows = b"[%s{}]" % (b'{"a":1},' * 100_000)
    schema = {"properties": {"rows": {"items": {"properties": {"a": {}}}}, "p": P}}
    assert extract(b'{"p":"hush","rows":%s}' % rows, schema, {}) == (b'{"p":"***","rows":%s}' % rows, {"/p": ONE})


def test_many_secrets_are_restored_in_one_pass() -> None:
    shown, taken = extract(b"[%s1]" % (b'"a",' * 9_000), {"items": P}, {})
    assert extract(shown, {}, taken) == (shown, taken)


def test_resource_type_has_its_own_references() -> None:
    inner = {"properties": {"p": {"$ref": "#/$defs/p"}}, "$defs": {"p": P}}
    outer = {"properties": {"db": {"format": "resource-mine"}}, "$defs": {"p": {}}}
    assert extract(b'{"db":{"p":"hush"}}', outer, {}, {"mine": inner})[1] == {"/db/p": ONE}
    assert extract(b'{"db":{"p":"hush"}}', outer, {})[1] == {}
