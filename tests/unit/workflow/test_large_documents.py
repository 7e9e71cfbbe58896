"""Documents beyond the limits of YAML: their text is JSON, which is neither written, split nor edited as YAML."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orvanta_platform.db.tree import VersionContent
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.services.changes.flow_texts import flow_text
from orvanta_platform.workflow import document, limits, text, yaml_text
from orvanta_platform.workflow.limits import MAX_YAML_CHARS, MAX_YAML_EVENTS
from orvanta_platform.workflow.text import is_large_json, write_document, write_json, write_yaml
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.merge import COMMENTS, merge_content
from orvanta_platform.workflow.tree.paths import locate
from orvanta_platform.workflow.tree.reading import read
from orvanta_platform.workflow.tree.writing import write_item
from orvanta_platform.workflow.yaml_edit import edit_yaml

CODE = "def main():\n    return 1\n"
MANY = [0] * MAX_YAML_EVENTS


def tree_of(content: str = CODE, **more: Any) -> dict[str, Any]:
    node = {"id": "a", "value": {"type": "rawscript", "language": "python3", "content": content}}
    return {"summary": "Large", "value": {"modules": [node]}, **more}


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = {"a": value} if level % 2 else [value]
    return {"x": value}


@pytest.fixture
def no_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to read or write any YAML that is not JSON."""

    def refuse(*args: object, **more: object) -> Any:
        raise AssertionError("YAML takes too long")

    monkeypatch.setattr(text, "_writer", refuse)
    monkeypatch.setattr(yaml_text, "read", refuse)


@pytest.mark.parametrize("tree", [tree_of(), {}, {"a": [], "b": {}}, nested(85), nested(170)])
def test_events_of_a_value_are_those_of_its_yaml(tree: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_yaml(tree)
    found = []
    for most in range(1200):
        for module in (limits, yaml_text):
            monkeypatch.setattr(module, "MAX_YAML_EVENTS", most)
        found.append(limits.is_writable(tree))
        if found[-1] != (most > 0 and found[-2]):  # where the answer changes
            yaml_text.require_limits(written)
            monkeypatch.setattr(yaml_text, "MAX_YAML_EVENTS", most - 1)
            with pytest.raises(InvalidWorkflow, match="the YAML has more than"):
                yaml_text.require_limits(written)
    assert found[-1] and not found[0]


@pytest.mark.parametrize(
    "tree",
    [
        tree_of(schema={"x": MANY}),
        tree_of("x" * MAX_YAML_CHARS),
        tree_of("\n".join("x" * 100 for _ in range(MAX_YAML_CHARS // 101))),  # more characters with its indentation
    ],
)
def test_document_beyond_the_limits_of_yaml_is_json(tree: dict[str, Any]) -> None:
    written = write_document(tree)
    assert json.loads(written) == tree and is_large_json(written)
    assert document.parse(written.encode(), "yaml", limit_yaml=True).tree == tree
    assert written == write_document(document.parse(written.encode(), "yaml").tree)
    assert not is_large_json(write_document(tree_of())) and not is_large_json(write_json(tree_of()))


def test_json_is_indented_unless_that_makes_it_too_large() -> None:
    assert write_json({"a": [1, {"b": {}}]}) == '{\n  "a": [\n    1,\n    {\n      "b": {}\n    }\n  ]\n}\n'
    for tree in ({"x": [{"a": 1}] * 200_000}, {"x": [nested(150)["x"]] * 200}):
        assert write_json(tree).count("\n") == 1
    trees: list[dict[str, Any]] = [tree_of(schema={"x": MANY}), nested(150), {"a": {}, "b": [[], [1]]}]
    # The size is estimated before the text is made, and never too low.
    for each in trees:
        assert len(write_json(each)) - 1 <= len(json.dumps(each, separators=(",", ":"))) + text._indentation(each)


@pytest.mark.usefixtures("no_yaml")
@pytest.mark.parametrize("mark", ["", "\ufeff", " \n"])
def test_large_json_remains_whole_in_files(mark: str) -> None:
    written = mark + write_json(tree_of(schema={"x": MANY}))
    files = write_item(Item("flow", "f/a/w", {"text": written}))
    assert files == {"f/a/w.flow/flow.yaml": written.encode()}
    (located,) = locate(files)
    assert read(located, files, limited=True).content == {"text": written.removeprefix("\ufeff")}


@pytest.mark.usefixtures("no_yaml")
@pytest.mark.parametrize("name", ["f/a/w.flow.json", "f/a/w.flow/flow.json", "f/a/w.flow/flow.yaml"])
def test_references_in_large_json_are_replaced_in_json(name: str) -> None:
    """JSON is parsed a hundred times faster than YAML is written, or edited with its comments."""
    tree = tree_of("!inline a.py", schema={"x": MANY})
    files = {name: json.dumps(tree).encode(), "f/a/w.flow/a.py": CODE.encode(), "f/a/a.py": CODE.encode()}
    located = next(each for each in locate(files) if each.kind == "flow")
    found = read(located, files, limited=True).content["text"]
    assert found == write_json(tree_of(schema={"x": MANY}))


@pytest.mark.usefixtures("no_yaml")
def test_document_without_code_is_not_split() -> None:
    """To split YAML takes longer than to parse it."""
    written = "value:\n  modules:\n    - {id: a, value: {type: script, path: f/a/b}}\n"
    assert write_item(Item("flow", "f/a/w", {"text": written})) == {"f/a/w.flow/flow.yaml": written.encode()}


def test_code_of_a_type_that_is_written_with_escapes_is_split() -> None:
    written = write_yaml(tree_of()).replace("type: rawscript", 'type: "raw\\u0073cript"')
    assert write_item(Item("flow", "f/a/w", {"text": written}))["f/a/w.flow/a.inline_script.py"] == CODE.encode()


@pytest.mark.usefixtures("no_yaml")
def test_large_settings_are_json_in_files() -> None:
    item = Item("resource", "f/a/r", {"resource_type": "any", "value": {"x": MANY}})
    files = write_item(item)
    (located,) = locate(files)
    assert read(located, files, limited=True) == item


@pytest.mark.usefixtures("no_yaml")
def test_large_json_is_edited_as_json() -> None:
    tree = tree_of(schema={"x": MANY})
    stored = json.dumps(tree)
    assert edit_yaml(stored, tree).source.decode() == stored
    wanted = {**tree, "summary": "Other"}
    for limit in (False, True):
        assert edit_yaml(stored, wanted, limit=limit).source.decode() == write_json(wanted)


def version(body: dict[str, Any] | str, **settings: Any) -> VersionContent:
    is_text = isinstance(body, str)
    row = SimpleNamespace(
        body=(body if isinstance(body, str) else json.dumps(body)).encode(),
        settings=json.dumps(settings).encode(),
        format="yaml" if is_text else "json",
        tree=json.dumps(document.parse(body.encode(), "yaml").tree) if isinstance(body, str) else None,
        path="f/a/w",
    )
    return cast(VersionContent, row)


@pytest.mark.usefixtures("no_yaml")
def test_text_of_large_version_is_json() -> None:
    tree = tree_of(schema={"x": MANY})
    del tree["summary"]
    assert flow_text(version(tree, summary="Large")) == write_json({"summary": "Large", **tree})
    assert flow_text(version(write_json(tree), labels=["a"])) == write_json({**tree, "labels": ["a"]})


def test_text_with_large_settings_beside_it_is_json() -> None:
    """Its settings exceed the limits of YAML alone, or together with the document."""
    source = f"# shown\n{write_yaml(tree_of(schema={'x': [0] * 15_000}))}"
    for size in (6_000, 30_000):
        found = flow_text(version(source, extra=[0] * size))
        assert json.loads(found) == tree_of(schema={"x": [0] * 15_000}, extra=[0] * size)
    assert flow_text(version(source, extra=[0])).startswith("# shown\nsummary: Large\n")


def test_aliases_keep_a_text_within_the_limits() -> None:
    source = f"a: &a {MANY[:9_000]}\nb: *a\nc: *a\nvalue: {{modules: []}}\n"
    assert flow_text(version(source, labels=[])) == f"{source}labels: []\n"


@pytest.mark.usefixtures("no_yaml")
def test_large_json_is_merged_as_json() -> None:
    base, mine = tree_of(schema={"x": MANY}), tree_of("pass\n", schema={"x": MANY})
    theirs = {**base, "summary": "Theirs"}
    texts = [{"text": json.dumps(each)} for each in (base, mine, theirs)]
    merged = {**mine, "summary": "Theirs"}
    assert merge_content("flow", *texts) == ({"text": write_json(merged)}, [])
    assert merge_content("flow", texts[0], texts[1], texts[0]) == (texts[1], [])
    assert merge_content("flow", texts[0], texts[0], texts[2]) == ({"text": write_json(theirs)}, [])


def test_merge_with_large_json_loses_no_comments() -> None:
    base, theirs = f"# one\n{write_yaml(tree_of())}", write_json(tree_of(schema={"x": MANY}))
    mine = base.replace("Large", "Mine")
    merged = tree_of(schema={"x": MANY}) | {"summary": "Mine"}
    assert merge_content("flow", *({"text": each} for each in (base, mine, theirs))) == (
        {"text": write_json(merged)},
        [],
    )
    changed = mine.replace("# one", "# two")
    _, places = merge_content("flow", *({"text": each} for each in (base, changed, theirs)))
    assert places == [COMMENTS]
