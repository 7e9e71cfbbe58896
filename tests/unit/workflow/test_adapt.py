"""Contents of releases: the environment's own settings are never overwritten by a release."""

from __future__ import annotations

import pytest

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.document import Document, Format, parse
from orvanta_platform.workflow.releases.adapt import environment_content, release_content
from orvanta_platform.workflow.tree.head import settings_of

KEY = "on_behalf_of_email"
HIDDEN = [
    f"value:\n  modules: []\r{KEY}: boss@x\n",
    f"# c\n{{\nvalue: {{modules: []}}, {KEY}: boss@x,\nschema: {{}}\n}}\n",
    f"---\n{{\nvalue: {{modules: []}}, {KEY}: boss@x,\nschema: {{}}\n}}\n",
    f"  {{\nvalue: {{modules: []}}, {KEY}: boss@x,\nschema: {{}}\n}}\n",
    f"!!map {{\nvalue: {{modules: []}}, {KEY}: boss@x,\nschema: {{}}\n}}\n",
    f"&a {{\nvalue: {{modules: []}}, {KEY}: boss@x,\nschema: {{}}\n}}\n",
    '"on_behalf\\u005fof_email": boss@x\nvalue: {modules: []}\n',
    f"!!str {KEY}: boss@x\nvalue: {{modules: []}}\n",
    f"{KEY}: &a boss@x\nsummary: *a\nvalue: {{modules: []}}\n",
    f"summary: {{a: [\nvalue: ]}}\n{KEY}: boss@x\nschema: {{}}\n",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_release_names_nobody_whom_its_workflows_act_for(text: str) -> None:
    assert parse(text.encode(), "yaml").tree[KEY] == "boss@x"
    for owner in (None, "own@x"):
        present = None if owner is None else {"text": f"value: {{modules: []}}\n{KEY}: {owner}\n"}
        try:
            found = environment_content("flow", {"text": text}, present, enabled=False)["text"]
        except InvalidWorkflow:
            continue  # a text from which the setting cannot be removed is refused
        assert parse(found.encode(), "yaml").tree.get(KEY) == owner


@pytest.mark.parametrize("text", HIDDEN)
def test_release_is_created_without_the_member(text: str) -> None:
    try:
        found = release_content("flow", {"text": text})["text"]
    except InvalidWorkflow:
        return
    assert KEY not in parse(found.encode(), "yaml").tree


def test_workflows_that_cannot_name_a_member_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    def recorded(source: bytes, format: Format) -> Document:
        parsed.append(source)
        return parse(source, format)

    monkeypatch.setattr(document, "parse", recorded)
    text = "summary: Main\nvalue: {modules: []}\n"
    assert environment_content("flow", {"text": text}, None, enabled=False) == {"text": text}
    named = environment_content("flow", {"text": text}, {"tree": {KEY: "own@x"}}, enabled=False)
    assert parse(named["text"].encode(), "yaml").tree[KEY] == "own@x"
    assert parsed == [text.encode(), named["text"].encode()]


@pytest.mark.parametrize("text", HIDDEN[:6])
def test_settings_of_unusual_documents_are_read_in_full(text: str) -> None:
    assert settings_of(text)[KEY] == "boss@x"
