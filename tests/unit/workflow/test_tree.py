"""Items as files: the same items are always written as the same bytes, and read again as equal items."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from orvanta_platform.errors import BadRequest, InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.text import write_yaml
from orvanta_platform.workflow.tree.extensions import LANGUAGES
from orvanta_platform.workflow.tree.head import settings_of
from orvanta_platform.workflow.tree.item import FIELDS, OPTIONAL_KINDS, ORDER, SETTINGS_PATH, Item, Kind, path_of_test
from orvanta_platform.workflow.tree.paths import Located, alike, locate
from orvanta_platform.workflow.tree.reading import read
from orvanta_platform.workflow.tree.writing import write

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), max_size=30)
SCRIPT_LANGUAGES = sorted(set(LANGUAGES.values()))
CODE = TEXTS.filter(lambda text: not text.startswith("!inline "))
WORDS = st.sampled_from(["a", "b.c", "x.deno", "x.pg", "y.variable", "z_flow", "q.script", "é", "flow", "s.group"])
PATHS = st.builds(
    "f/{}/{}".format, st.sampled_from(["team", "ops"]), st.lists(WORDS, min_size=1, max_size=2).map("/".join)
)
NAMES = st.sampled_from(["happy", "a_1", "B-2"])
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS.filter(bool), VALUES, max_size=3)


def present(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if value is not None}


@st.composite
def items(draw: st.DrawFn) -> Item:
    kind: Kind = draw(st.sampled_from(ORDER))
    names = {"settings": [SETTINGS_PATH], "user": ["one@example.com", "two@example.com"]}
    named = kind in ("folder", "group", "resource_type", *OPTIONAL_KINDS)
    path = draw(st.sampled_from(names.get(kind, ["one", "two"])) if named else PATHS)
    if kind == "flow":
        return Item(kind, path, {"text": draw(st.builds(flow_text, st.lists(CODE, max_size=3), TEXTS))})
    if kind == "script":
        content: dict[str, Any] = {
            "content": draw(TEXTS),
            "language": draw(st.sampled_from(SCRIPT_LANGUAGES)),
        }
        described = st.fixed_dictionaries({}, optional={"summary": TEXTS, "schema": OBJECTS, "tag": TEXTS})
        content |= {"settings": draw(described)} if draw(st.booleans()) else {}
        return Item(kind, path, content | ({"lock": draw(TEXTS.filter(bool))} if draw(st.booleans()) else {}))
    chosen = draw(st.lists(st.sampled_from(FIELDS[kind]), unique=True))
    chosen = [name for name in chosen if name not in ("enabled", "error_handler")]
    tree = present({name: draw(OBJECTS if name == "schema" else VALUES) for name in chosen})
    return Item(kind, path_of_test(path, draw(NAMES)) if kind == "workflow_test" else path, tree)


def plain(item: Item) -> Any:
    """Return the content; for a workflow its tree, because scalars may be quoted differently."""
    return document.parse(item.content["text"].encode(), "yaml").tree if item.kind == "flow" else item.content


def flow_text(codes: list[str], summary: str) -> str:
    modules = [
        {"id": f"n{n}", "value": {"type": "rawscript", "content": code, "language": "bash", "input_transforms": {}}}
        for n, code in enumerate(codes)
    ]
    return write_yaml({"summary": summary, "value": {"modules": modules}})


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(items(), max_size=6, unique_by=lambda item: item.key))
def test_written_items_are_read_again_and_written_alike(given_items: list[Item]) -> None:
    files, left_out = write(given_items)
    found = {each.key: read(each, files) for each in locate(files, OPTIONAL_KINDS)}
    expected = {item.key: item for item in given_items if item not in left_out}
    assert {key: plain(item) for key, item in found.items()} == {key: plain(item) for key, item in expected.items()}
    again, _ = write(found.values())
    assert {each.key: read(each, again) for each in locate(again, OPTIONAL_KINDS)} == found
    assert write(reversed(given_items))[0] == files


def test_code_is_split_out_and_comments_stay() -> None:
    text = (
        "# totals\nsummary: Report\nvalue:\n  modules:\n    - id: step_a # first\n      value:\n"
        "        type: rawscript\n        content: |\n          def main():\n              return 1\n"
        "        language: python3\n"
    )
    files, _ = write([Item("flow", "f/team/report", {"text": text})])
    assert files["f/team/report.flow/step_a.inline_script.py"] == b"def main():\n    return 1\n"
    document = files["f/team/report.flow/flow.yaml"].decode()
    assert "content: '!inline step_a.inline_script.py'" in document
    assert "# totals" in document and "# first" in document
    (located,) = locate(files)
    assert read(located, files).content == {"text": text}


def test_files_of_the_ecosystem_are_located() -> None:
    names = {
        "f/a/folder.meta.yaml": "folder",
        "shop.resource-type.json": "resource_type",
        "groups/g.group.yaml": "group",
        "f/a/one__flow/flow.yaml": "flow",
        "f/a/two.flow.json": "flow",
        "u/ann/x.py": "script",
        "f/a/v.variable.json": "variable",
        "f/a/t.http_trigger.yaml": "http_trigger",
        "f/a/q.kafka_trigger.yaml": "",
        "README.md": "",
        "f/a/one__flow/x.inline_script.py": "",
        "loose.py": "",
        "f/a/x.flow/README.md": "",
    }
    found = locate([*names, "u/ann/x.script.yaml", "u/ann/x.script.lock"])
    assert {each.files[0]: each.kind for each in found} == {name: kind for name, kind in names.items() if kind}
    optional = {"users/Ann@x.org.user.yaml": "ann@x.org", "bo@x.org.user.json": "bo@x.org", "settings.yaml": "settings"}
    others = ["f/a/settings.yaml", "settings.toml", ".user.yaml"]
    assert locate([*optional, *others]) == [], "members and settings are located on request"
    assert {each.files[0]: each.path for each in locate([*optional, *others], OPTIONAL_KINDS)} == optional
    script = next(each for each in found if each.kind == "script")
    assert script.files == ("u/ann/x.py", "u/ann/x.script.yaml", "u/ann/x.script.lock")


def test_group_of_an_archive_names_its_managers_apart() -> None:
    (located,) = locate(["groups/crew.group.yaml"])
    texts = {
        "{members: [u/bea], admins: [u/ann], name: crew}": {"members": ["ann", "bea"], "managers": ["ann"]},
        "{members: [u/bea], admins: [], managers: [cem]}": {"members": ["bea"], "managers": ["cem"]},
        "{members: [ann], managers: [ann]}": {"members": ["ann"], "managers": ["ann"]},
        "{members: u/bea, admins: [1]}": {"members": "u/bea"},
    }
    for text, content in texts.items():
        assert read(located, {"groups/crew.group.yaml": text.encode()}).content == content, text


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("f/a/v.variable.yaml", b"value: [\n"),
        ("f/a/s.py", b"\xff"),
        (
            "f/a/w.flow/flow.yaml",
            b"value: {modules: [{id: a, value: {type: rawscript, content: '!inline gone.py'}}]}\n",
        ),
    ],
)
def test_unreadable_file_is_named(name: str, body: bytes) -> None:
    (located,) = locate([name])
    with pytest.raises((BadRequest, InvalidWorkflow)) as caught:
        read(located, {name: body})
    assert name in caught.value.message or "gone.py" in caught.value.message


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("f/a/x.variable.yaml", b"", "the file of a variable must contain an object, but it is empty"),
        ("f/a/x.resource.yaml", b"- 1\n", "the file of a resource must contain an object"),
        ("f/a/x.schedule.json", b"1", "the file of a schedule must contain an object"),
        ("f/a/x.http_trigger.yaml", b" \n", "the file of an HTTP trigger must contain an object, but it is empty"),
        ("f/a/x.flow/tests/t.yaml", b"", "the file of a workflow test must contain an object, but it is empty"),
        ("f/a/x.script.yaml", b"", "the file of the settings of a script must contain an object, but it is empty"),
        ("f/a/folder.meta.yaml", b"", "the file of a folder must contain an object, but it is empty"),
    ],
)
def test_file_without_an_object_is_named_by_its_kind(name: str, body: bytes, reason: str) -> None:
    files = {name: body, "f/a/x.flow/flow.yaml": b"value: {}\n", "f/a/x.py": b""}
    (located,) = [each for each in locate(files) if name in each.files and each.kind != "flow"]
    with pytest.raises(BadRequest) as refused:
        read(located, files)
    assert refused.value.message == f"{name} cannot be read: {reason}."


def test_lines_of_a_lock_may_end_as_in_windows() -> None:
    files = {"f/a/x.ts": b"export function main() {}\r\n", "f/a/x.script.lock": b"{}\r\n//bun.lock\r\n<empty>"}
    (located,) = locate(files)
    assert read(located, files).content["lock"] == "{}\n//bun.lock\n<empty>"


def test_texts_of_a_resource_may_be_files() -> None:
    files = {
        "f/a/x.resource.yaml": b"resource_type: ini\nvalue: {content: '!inline f/a/x.resource.file.py', n: [1, '!']}\n",
        "f/a/x.resource.file.py": "é = 1\n".encode(),
        "f/a/y.resource.json": b'{"resource_type": "ini", "value": {"content": "!inline y.resource.file.ini"}}',
        "groups/all.group.yaml": b"summary: Everybody\n",
        "groups/crew.group.yaml": b"summary: Crew\n",
    }
    x, y, crew = locate(files)
    assert (x.key, x.files[1:]) == (("resource", "f/a/x"), ("f/a/x.resource.file.py",))
    assert read(x, files).content["value"] == {"content": "é = 1\n", "n": [1, "!"]}
    assert crew.key == ("group", "crew")
    with pytest.raises(BadRequest, match=r"y\.resource\.file\.ini, which is missing"):
        read(y, files)


def test_text_of_a_resource_is_found_by_any_end_of_its_name() -> None:
    names = ("x.resource.file.ini", "b/x.resource.file.ini", "f/a/b/x.resource.file.ini")
    value = {each: f"!inline {each}" for each in names}
    files = {"f/a/b/x.resource.json": json.dumps({"value": value}).encode(), "f/a/b/x.resource.file.ini": b"[a]"}
    (located,) = locate(files)
    assert read(located, files).content["value"] == dict.fromkeys(names, "[a]")
    files["f/a/b/x.resource.json"] = b'{"value": "!inline c/x.resource.file.ini"}'
    with pytest.raises(BadRequest, match=r"c/x\.resource\.file\.ini, which is missing"):
        read(located, files)


def test_time_to_find_texts_of_a_resource_is_proportional_to_their_number() -> None:
    """A name is looked up instead of being compared with all others."""
    compared = 0

    class Name(str):
        __slots__ = ()

        def endswith(self, *args: Any) -> bool:
            nonlocal compared
            compared += 1
            return super().endswith(*args)

    count = 200
    names = [Name(f"f/a/x.resource.file.{number}") for number in range(count)]
    value = [f"!inline x.resource.file.{number}" for number in range(count)]
    files: dict[str, bytes] = {"f/a/x.resource.json": json.dumps({"value": value}).encode()}
    files |= dict.fromkeys(names, b"")
    located = Located("resource", "f/a/x", ("f/a/x.resource.json", *names))
    assert read(located, files).content["value"] == [""] * count
    assert compared <= count


def test_item_inside_a_workflow_folder_is_left_out() -> None:
    item = Item("script", "f/a/b.flow/c", {"content": "", "language": "bash"})
    unknown = Item("script", "f/a/c", {"content": "", "language": "cobol"})
    assert write([item, unknown]) == ({}, [item, unknown])


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("summary: a\nvalue:\n  modules: []\ntag: b # c\n", {"summary": "a", "tag": "b"}),
        ("# only\nvalue: {modules: []}\n", {}),
        ('{"summary": "a", "value": {"modules": []}}', {"summary": "a"}),
        ("---\n'value':\n  modules: &a []\nlabels: *a\n", {"labels": []}),
        (
            "description: |\n  value: x\n\n  more\nvalue:\n  modules:\n  - id: a\nschema: {}\n",
            {"description": "value: x\n\nmore\n"},
        ),
    ],
)
def test_settings_are_read_without_the_nodes(text: str, settings: dict[str, Any]) -> None:
    assert settings_of(text) == settings


def test_trigger_of_another_tool_requires_a_token_under_our_name() -> None:
    files = {
        "f/team/hook.http_trigger.yaml": b"script_path: f/team/take\nauthentication_method: windmill\nenabled: false\n"
    }
    (located,) = locate(files)
    expected = {"script_path": "f/team/take", "authentication_method": "orvanta", "mode": "disabled"}
    assert read(located, files).content == expected


def test_trigger_whose_callers_a_script_authenticates_is_disabled() -> None:
    text = b"script_path: f/team/take\nauthentication_method: custom_script\nmode: enabled\n"
    files = {"f/team/hook.http_trigger.yaml": text}
    (located,) = locate(files)
    expected = {"script_path": "f/team/take", "authentication_method": "orvanta", "mode": "disabled"}
    assert read(located, files).content == expected


def test_trigger_that_serves_a_website_is_refused() -> None:
    files = {"f/team/site.http_trigger.yaml": b"script_path: ''\nis_static_website: true\n"}
    (located,) = locate(files)
    with pytest.raises(BadRequest, match="serves files as a website, which this version cannot"):
        read(located, files)


def test_names_that_differ_only_in_case_or_form_are_found_in_pairs() -> None:
    names = [
        "f/a/X.py",
        "f/a/x.py",
        "f/a/x.sh",
        "f/B/one.py",
        "f/b/one.py",
        "f/b/two.py",
        "f/a/\u00e9.py",
        "f/a/e\u0301.py",
    ]
    found = alike(names)
    assert set(found) == {("f/a/X.py", "f/a/x.py"), ("f/B", "f/b"), ("f/a/e\u0301.py", "f/a/\u00e9.py")}
