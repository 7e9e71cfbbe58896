"""Templates: list, descriptions, and text that can be deployed unchanged."""

from __future__ import annotations

import py_compile
import shutil
from pathlib import Path

import pytest
from tests.http.harness import ApiHarness, W

from orvanta_platform.services.catalog import examples, templates

FOLDER = Path(__file__).parents[2] / "examples" / "templates"
EXAMPLES = sorted(path.stem for path in FOLDER.parent.glob("*.flow"))
NAMES = sorted([*EXAMPLES, *(path.stem for path in FOLDER.glob("*.flow"))])


async def test_templates_are_listed_and_described(api: ApiHarness) -> None:
    found = await api.get("templates/list")
    assert [each["name"] for each in found] == NAMES and len(NAMES) >= 10 and EXAMPLES
    assert all(each["summary"] and each["description"] and each["nodes"] > 1 for each in found)
    triage = next(each for each in found if each["name"] == "ticket_triage")
    assert triage["languages"] == ["python3"] and "branchone" in triage["kinds"]
    assert (await api.client.get(f"{W}/templates/get/none")).status_code == 404
    assert f"`{NAMES[0]}`" in (FOLDER.parent / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
async def test_templates_deploy_unchanged(api: ApiHarness, name: str) -> None:
    found = await api.get(f"templates/get/{name}")
    assert found["source"]["text"].startswith("# ") and "!inline" not in found["source"]["text"]
    checked = await api.client.post(f"{W}/flows/validate", json={"source": found["source"]})
    assert checked.json() == {"deployable": True, "diagnostics": [], "defaults": []}
    body = {"path": f"u/admin/{name}", "source": found["source"]}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    shown = await api.get(f"flows/get/u/admin/{name}")
    assert shown["source"] == found["source"] and shown["summary"] == found["summary"]
    properties = shown["schema"]["properties"]
    assert set(found["input"]) <= set(properties) and set(shown["schema"]["order"]) == set(properties)


def test_compiled_scripts_of_an_installed_wheel_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(FOLDER.parent, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    before = [examples.read(each) for each in sorted(folder.glob("*.flow"))]
    for script in folder.rglob("*.py"):
        py_compile.compile(str(script))
    assert [examples.read(each) for each in sorted(folder.glob("*.flow"))] == before != []
    monkeypatch.setattr(examples, "find_folder", lambda: folder)
    assert sorted(templates._templates.__wrapped__()) == NAMES
