"""Canonical form and hash: equal on every machine and independent of presentation."""

from __future__ import annotations

import copy
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orvanta_platform.workflow.canonical import artifact_hash, canonical_bytes
from orvanta_platform.workflow.document import parse
from orvanta_platform.workflow.normal import normalise

GOLDEN = Path(__file__).parent / "golden"
HASHES: dict[str, str] = json.loads((GOLDEN / "hashes.json").read_text())
SAME = [
    {"empty.json", "empty_in_yaml.yaml"},
    {"if_else.json", "if_else_old_yaml.yaml"},
    {"retry_with_nulls.json", "retry_without_nulls.json"},
    {"timeout_bare.json", "timeout_spelled.json"},
    {"inputs_missing.json", "inputs_empty.json", "nulls_for_absent.json", "presentation.json"},
    {"failure_module.json", "failure_module_without_id.json"},
    {"for_loop.json", "for_loop_tolerant.json"},
    {"branch_one.json", "branch_one_label.json"},
    {"suspend.json", "suspend_old_name.json"},
    {"delete_after_use.json", "delete_after_secs.json"},
    {"comments_and_aliases.yaml", "comments_and_aliases_as_json.json"},
]


def _tree(name: str) -> dict[str, Any]:
    source = (GOLDEN / name).read_bytes()
    return parse(source, "json" if name.endswith(".json") else "yaml").tree


@pytest.mark.parametrize("name", sorted(HASHES))
def test_golden_document_has_expected_hash(name: str) -> None:
    assert artifact_hash(_tree(name)) == HASHES[name]


def test_golden_set_is_complete() -> None:
    files = {path.name for path in GOLDEN.iterdir()} - {"hashes.json"}
    assert files == set(HASHES) and len(files) >= 40
    groups = defaultdict(set)
    for name, digest in HASHES.items():
        groups[digest].add(name)
    assert sorted(map(sorted, (each for each in groups.values() if len(each) > 1))) == sorted(map(sorted, SAME))


@pytest.mark.parametrize("name", sorted(HASHES))
def test_normalisation_is_idempotent(name: str) -> None:
    tree = _tree(name)
    before = copy.deepcopy(tree)
    normal = normalise(tree)
    assert normalise(normal) == normal
    assert tree == before, "the document is not modified"
    assert canonical_bytes(normal) == canonical_bytes(tree)


def _shuffled(value: Any, chance: random.Random) -> Any:
    match value:
        case dict():
            items = [(name, _shuffled(member, chance)) for name, member in value.items()]
            chance.shuffle(items)
            return dict(items)
        case list():
            return [_shuffled(item, chance) for item in value]
        case _:
            return value


@given(st.sampled_from(sorted(HASHES)), st.randoms(use_true_random=False))
@settings(max_examples=75, deadline=None)
def test_key_order_and_presentation_are_ignored(name: str, chance: random.Random) -> None:
    tree = _shuffled(_tree(name), chance)
    tree["value"]["ui"] = {"nodes": {"a": {"x": chance.randint(0, 99), "y": 1}}}
    tree["value"]["notes"] = [{"text": "note"}]
    tree["value"]["groups"] = []
    for module in tree["value"]["modules"]:
        module["summary"] = f"called {chance.random()}"
        module["description"] = None
    tree |= {"summary": "other", "path": "f/other/place", "tag": None, "labels": ["x"]}
    assert artifact_hash(tree) == HASHES[name]


@pytest.mark.parametrize(
    "change",
    [
        {"modules": [{"id": "b", "value": {"type": "identity"}}]},
        {"modules": [{"id": "a", "value": {"type": "identity"}, "x_vendor": None}]},
        {"modules": [{"id": "a", "value": {"type": "identity"}, "join": "all"}]},
        {"modules": [{"id": "a", "value": {"type": "identity"}}], "flow_env": {}},
    ],
)
def test_meaningful_members_change_the_hash(change: dict[str, Any]) -> None:
    plain = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
    if change["modules"][0].get("x_vendor", 0) is None:
        assert artifact_hash({"value": change}) == artifact_hash({"value": plain}), "null means absent in a node"
    else:
        assert artifact_hash({"value": change}) != artifact_hash({"value": plain})


def test_nulls_inside_data_change_the_hash() -> None:
    def with_value(value: Any) -> str:
        transform = {"type": "static", "value": value}
        module = {"id": "a", "value": {"type": "script", "path": "p", "input_transforms": {"x": transform}}}
        return artifact_hash({"value": {"modules": [module]}})

    assert with_value({"k": None}) != with_value({})


def test_numbers_are_written_as_javascript_writes_them() -> None:
    tree = {"schema": {"a": [1.0, -0.0, 1e21, 2**60, 1e-7, 100]}, "value": {"modules": []}}
    expected = b'{"schema":{"a":[1,0,1e+21,1152921504606847000,1e-7,100]},"value":{"modules":[]}}'
    assert canonical_bytes(tree) == expected


_NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e-4, 9.9e-5, 2.0**53, -(2.0**53), 2**53 - 1, 1e16, 1e21, 0.1, 5e-324]),
)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXTS),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(_TEXTS, inner)),
)


def _as_doubles(value: Any) -> Any:
    match value:
        case dict():
            return {name: _as_doubles(member) for name, member in value.items()}
        case list():
            return [_as_doubles(item) for item in value]
        case int() if not isinstance(value, bool):
            return float(value)
        case _:
            return value


@given(_TREES)
@example([9.9e-5, 1e-4, -1.5])
@example([1e16, 2**53 - 1, -(2**60)])
@settings(max_examples=75, deadline=None)
def test_canonical_form_conforms_to_rfc_8785(data: Any) -> None:
    expected = rfc8785.dumps({"schema": {"a": _as_doubles(data)}, "value": {"modules": []}})
    assert canonical_bytes({"schema": {"a": data}, "value": {"modules": []}}) == expected


def test_names_are_sorted_by_utf_16_units() -> None:
    tree = {"schema": {"\ufb33": 1, "\U0001f600": 2, "é": 3}, "value": {"modules": []}}
    assert canonical_bytes(tree) == '{"schema":{"é":3,"\U0001f600":2,"\ufb33":1},"value":{"modules":[]}}'.encode()
