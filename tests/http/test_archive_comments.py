"""Comments of workflows when an archive, which contains them as JSON, is imported."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W
from tests.http.test_archive_import import apply, zip_of

from orvanta_platform.services.changes import contents
from orvanta_platform.workflow.limits import MAX_YAML_EVENTS

TEXT = """\
# totals of %s
summary: Totals # shown
value:
  modules:
    # fetches
    - id: a # first
      value: {type: identity} # later
"""
PATHS = ("f/noted/one", "f/noted/two")


@pytest.fixture
async def deployed(api: ApiHarness) -> ApiHarness:
    """Two workflows with comments, and one without a text."""
    folder = {"kind": "folder", "path": "noted", "content": {"summary": "Noted"}}
    flows = [{"kind": "flow", "path": path, "content": {"text": TEXT % path}} for path in PATHS]
    assert (await apply(api.client, W, [folder, *flows])).status_code == 200
    body = {"path": "f/noted/json", "summary": "Totals", "value": {"modules": []}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).is_success
    return api


async def exported(api: ApiHarness) -> dict[str, Any]:
    """Return the files of the workflows in an archive of the workspace."""
    answer = await api.client.get(f"{W}/workspaces/tarball?archive_type=zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".flow.json")]
        return {name: json.loads(archive.read(name)) for name in names}


async def imported(api: ApiHarness, files: dict[str, Any], **options: Any) -> tuple[dict[str, str], list[Any]]:
    """Import files; returns the actions, and the warnings about what the archive would lose."""
    archive = zip_of({name: json.dumps(each) for name, each in files.items()})
    read = await api.client.post(f"{W}/changes/archive", content=archive)
    assert read.status_code == 200 and read.json()["failed"] == []
    items = read.json()["items"]
    plan = (await api.client.post(f"{W}/changes/plan", json={"items": items})).json()
    bases = {each["path"]: each.get("hash") for each in plan["entries"]}
    done = await apply(api.client, W, [{**each, "base": bases[each["path"]]} for each in items])
    assert done.status_code == 200, done.text
    actions = {each["path"]: each["action"] for each in done.json()["entries"]}
    return actions, json.loads(read.headers.get("X-Warnings", "[]"))


async def text_of(api: ApiHarness, path: str) -> str:
    text: str = (await api.get(f"flows/get/{path}"))["source"]["text"]
    return text


async def test_import_of_json_keeps_comments(deployed: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_PART_SIZE", 1)
    files = await exported(deployed)
    assert await imported(deployed, files) == (dict.fromkeys(("f/noted/json", *PATHS), "unchanged"), [])
    for name in files:
        files[name]["summary"] = "Sums"
    assert await imported(deployed, files) == (dict.fromkeys(("f/noted/json", *PATHS), "change"), [])
    for path in PATHS:
        assert await text_of(deployed, path) == (TEXT % path).replace("summary: Totals", "summary: Sums")
    assert (await deployed.get("flows/get/f/noted/json"))["summary"] == "Sums"


async def test_import_that_loses_comments_has_a_warning(api: ApiHarness) -> None:
    """A text with carriage returns cannot be edited."""
    text = "# totals\rsummary: Totals # shown\rvalue: {modules: []}\r"
    body = {"path": "f/noted/returns", "source": {"format": "yaml", "text": text}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).is_success
    files = await exported(api)
    assert await imported(api, files) == ({"f/noted/returns": "unchanged"}, [])
    files["f/noted/returns.flow.json"]["summary"] = "Sums"
    actions, (warning,) = await imported(api, files)
    assert (actions, warning["code"]) == ({"f/noted/returns": "change"}, "comments_lost")
    assert "f/noted/returns" in warning["message"]
    assert "#" not in await text_of(api, "f/noted/returns")
    files["f/noted/returns.flow.json"]["value"]["list"] = [0] * MAX_YAML_EVENTS
    body["source"]["text"] = "# again\nvalue: {modules: []}\n"  # type: ignore[index]
    assert (await api.client.post(f"{W}/flows/update/f/noted/returns", json=body)).is_success
    actions, (warning,) = await imported(api, files)  # beyond the limits of YAML, its text is JSON
    assert (actions, warning["code"]) == ({"f/noted/returns": "change"}, "comments_lost")
    assert await imported(api, files) == ({"f/noted/returns": "unchanged"}, [])


async def test_workflows_that_the_importer_may_not_read_add_no_comments(deployed: ApiHarness) -> None:
    files = await exported(deployed)
    stranger = await deployed.member("stranger")
    archive = zip_of({name: json.dumps(each) for name, each in files.items()})
    read = await stranger.post(f"{W}/changes/archive", content=archive)
    texts = {each["path"]: each["content"]["text"] for each in read.json()["items"]}
    assert set(PATHS) < texts.keys() and not any("#" in text for text in texts.values())
