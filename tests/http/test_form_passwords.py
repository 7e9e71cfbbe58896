"""Forms of approvals: passwords, which would be stored and shown as entered, are refused, and the size is limited."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import ApiHarness, W

P = {"type": "string", "format": "password"}
FORM = {"type": "object", "properties": {"otp": P}}
ASKING: list[Any] = [
    pytest.param({"id": "a", "value": {"type": "approval", "form": FORM}}, "/value/modules/0/value/form", id="form"),
    pytest.param(
        {"id": "a", "value": {"type": "identity"}, "suspend": {"resume_form": {"schema": FORM}}},
        "/value/modules/0/suspend/resume_form",
        id="resume_form",
    ),
    pytest.param(
        {"id": "a", "value": {"type": "approval", "form": {"properties": {"x": {"items": {"password": True}}}}}},
        "/value/modules/0/value/form",
        id="inside",
    ),
]


@pytest.mark.parametrize(("node", "place"), ASKING)
async def test_form_with_password_is_refused(api: ApiHarness, node: Any, place: str) -> None:
    value = {"modules": [node, {"id": "b", "value": {"type": "identity"}}]}
    for call, body in (("flows/create", {"path": "f/team/w", "summary": ""}), ("jobs/run/preview_flow", {})):
        answer = await api.client.post(f"{W}/{call}", json={**body, "value": value})
        assert answer.status_code == 400, (call, answer.text)
        error = answer.json()["error"]
        assert (error["code"], "secret variable" in error["message"]) == ("invalid_workflow", True)
        assert [(each["code"], each["path"], each["node"]) for each in error["details"]] == [
            ("form_password", place, "a")
        ]


@pytest.mark.parametrize("of", ["form", "resume_form"])
async def test_large_form_is_refused(api: ApiHarness, of: str) -> None:
    form = {"properties": {f"k{n}": {"type": "string"} for n in range(5_000)}}
    node: Any = {"id": "a", "value": {"type": "approval", "form": form}}
    place = "/value/modules/0/value/form"
    if of == "resume_form":
        node = {"id": "a", "value": {"type": "identity"}, "suspend": {"resume_form": {"schema": form}}}
        place = "/value/modules/0/suspend/resume_form"
    value = {"modules": [node, {"id": "b", "value": {"type": "identity"}}]}
    for call, body in (("flows/create", {"path": "f/team/w", "summary": ""}), ("jobs/run/preview_flow", {})):
        answer = await api.client.post(f"{W}/{call}", json={**body, "value": value})
        assert answer.status_code == 400, (call, answer.text)
        (found,) = answer.json()["error"]["details"]
        assert (found["code"], found["path"]) == ("form_too_large", place)
        assert "at most 100,000" in found["message"]


async def test_form_with_computed_password_is_refused(api: ApiHarness) -> None:
    form = {"properties": {"otp": {"type": "string", "format": "{{ inputs.kind }}"}}}
    inputs = {"kind": {"type": "javascript", "expr": "'pass' + 'word'"}}
    run = await api.flow({"id": "a", "value": {"type": "approval", "form": form, "input_transforms": inputs}})
    result = (await api.get(f"jobs_u/completed/get_result_maybe/{run}"))["result"]
    assert result["error"]["name"] == "InvalidForm", result
