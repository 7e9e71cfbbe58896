"""Updates of workflows without `source`: the stored text keeps its comments, order and notation."""

from __future__ import annotations

import json
from typing import Any

from tests.http.harness import ApiHarness, W

from orvanta_platform.workflow.limits import MAX_YAML_EVENTS

PATH = "f/texts/orders"
TEXT = """\
# what happens with an order
summary:   Orders   # shown
tag: heavy # a large machine
value:
  modules:
    # fetches
    - id: a   # first
      value: { type: identity }

    # charges
    - value: {type: identity} # later
      id: b
schema:
  properties: {n: {type: integer}}
"""


async def created(api: ApiHarness, path: str, text: str = TEXT) -> Any:
    body = {"path": path, "source": {"format": "yaml", "text": text}}
    answer = await api.client.post(f"{W}/flows/create", json=body)
    assert answer.status_code == 201, answer.text
    return await api.get(f"flows/get/{path}")


async def updated(api: ApiHarness, path: str, **body: Any) -> Any:
    answer = await api.client.post(f"{W}/flows/update/{path}", json={"path": path, **body})
    assert "X-Warnings" not in answer.headers
    assert answer.status_code == 200, answer.text
    return await api.get(f"flows/get/{body.get('path', path)}")


async def test_value_without_source_keeps_comments(api: ApiHarness) -> None:
    found = await created(api, PATH)
    value = found["value"]
    value["modules"][1]["summary"] = "Charge"
    value["modules"][0]["value"]["flow"] = False
    new = await updated(api, PATH, value=value, schema=found["schema"])
    expected = TEXT.replace("{ type: identity }", "{ type: identity, flow: false }").replace(
        "      id: b\n", "      id: b\n      summary: Charge\n"
    )
    assert new["source"]["text"] == expected
    assert new["value"] == value and (new["summary"], new["tag"]) == ("Orders", "heavy")
    moved = "f/texts/moved"
    answer = await api.client.post(
        f"{W}/flows/update/{PATH}",
        json={"path": moved, "value": found["value"] | {"modules": value["modules"][1:]}, "schema": found["schema"]},
    )
    assert answer.status_code == 200
    text = (await api.get(f"flows/get/{moved}"))["source"]["text"]
    assert "# charges" in text and "# fetches" not in text


async def test_equal_value_keeps_every_byte(api: ApiHarness) -> None:
    text = "\ufeff" + TEXT.replace("\n", "\r\n")
    found = await created(api, "f/texts/equal", text)
    settings = {name: found[name] for name in ("value", "schema", "summary", "tag")}
    new = await updated(api, "f/texts/equal", **settings)
    assert new["source"]["text"] == text and new["version_id"] != found["version_id"]
    assert (await updated(api, "f/texts/equal", value=found["value"], schema=found["schema"]))["source"]["text"] == text


async def test_settings_of_a_call_change_those_of_the_text(api: ApiHarness) -> None:
    """A call with a summary contains a whole workflow: what it lacks is removed, as from a workflow without text."""
    found = await created(api, "f/texts/settings")
    parts = {"value": found["value"], "schema": found["schema"]}
    new = await updated(api, "f/texts/settings", **parts, tag="light")
    assert new["source"]["text"] == TEXT.replace("tag: heavy #", "tag: light #")
    assert (new["tag"], new["summary"]) == ("light", "Orders")
    new = await updated(api, "f/texts/settings", **parts, summary="All orders", priority=3)
    assert new["source"]["text"] == TEXT.replace("tag: heavy # a large machine\n", "").replace("Orders ", "All orders ")
    assert (new.get("tag"), new["summary"], new["priority"]) == (None, "All orders", 3)
    new = await updated(api, "f/texts/settings", value=found["value"], summary="All orders")
    assert new.get("schema") is None and "schema" not in new["source"]["text"]


async def test_unknown_keys_of_the_text_stay(api: ApiHarness) -> None:
    text = "summary: Orders\nx-team: payments # who pays\nowners: [a] # important\nvalue: {modules: []}\n"
    found = await created(api, "f/texts/unknown", text)
    new = await updated(api, "f/texts/unknown", value=found["value"], summary="All orders")
    assert new["source"]["text"] == text.replace("Orders", "All orders")


async def test_value_too_large_for_yaml_is_deployed_as_json(api: ApiHarness) -> None:
    found = await created(api, "f/texts/large")
    value = {"modules": [{"id": "a", "value": {"type": "identity", "list": [0] * MAX_YAML_EVENTS}}]}
    answer = await api.client.post(f"{W}/flows/update/f/texts/large", json={"path": "f/texts/large", "value": value})
    (warning,) = json.loads(answer.headers["X-Warnings"])
    assert (answer.status_code, warning["code"]) == (200, "comments_lost") and "f/texts/large" in warning["message"]
    new = await api.get("flows/get/f/texts/large")
    assert new["value"] == value and "source" not in new and new["version_id"] != found["version_id"]


async def test_text_with_aliases_gets_the_value_given(api: ApiHarness) -> None:
    text = "value:\n  modules:\n    - id: a\n      value: &v {type: identity} # v\n    - {id: b, value: *v}\n"
    found = await created(api, "f/texts/aliases", text)
    value = found["value"]
    value["modules"][0]["value"] = {"type": "delay", "seconds": 1}
    new = await updated(api, "f/texts/aliases", value=value)
    assert new["value"] == value and "# v" in new["source"]["text"] and "*v" not in new["source"]["text"]


async def test_source_in_json_keeps_comments(api: ApiHarness) -> None:
    found = await created(api, "f/texts/json")
    value = {"modules": found["value"]["modules"][:1]}
    text = json.dumps({"value": value, "schema": found["schema"]})
    new = await updated(api, "f/texts/json", source={"format": "json", "text": text})
    assert new["source"]["text"] == TEXT[: TEXT.index("    # charges")] + TEXT[TEXT.index("schema:") :]
    value["modules"][0]["value"]["list"] = [0] * MAX_YAML_EVENTS
    body = {"path": "f/texts/json", "source": {"format": "json", "text": json.dumps({"value": value})}}
    answer = await api.client.post(f"{W}/flows/update/f/texts/json", json=body)
    assert [each["code"] for each in json.loads(answer.headers["X-Warnings"])] == ["comments_lost"]
    assert (await api.get("flows/get/f/texts/json"))["value"] == value
