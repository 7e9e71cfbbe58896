"""Passwords declared below any schema keyword are protected, or the schema is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W

SECRET = "a-password-of-nobody"
P = {"type": "string", "format": "password"}
IDENTITY = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
UNSUPPORTED = "unsupported_password"
READ: list[Any] = [
    pytest.param({"properties": {"c": {"patternProperties": {"^t": P}}}}, {"c": {"tok": SECRET}}, id="pattern"),
    pytest.param({"properties": {"c": {"type": "array", "prefixItems": [P]}}}, {"c": [SECRET]}, id="prefixItems"),
    pytest.param(
        {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"c": {"items": [P]}}},
        {"c": [SECRET]},
        id="items",
    ),
    pytest.param({"dependentSchemas": {"a": {"properties": {"c": P}}}}, {"a": "x", "c": SECRET}, id="dependent"),
    pytest.param({"properties": {"c": {"$ref": "#/x/0"}}, "x": [P]}, {"c": SECRET}, id="index"),
    pytest.param({"properties": {"c": {"$ref": "#/%24defs/p"}}, "$defs": {"p": P}}, {"c": SECRET}, id="percent"),
]
REFUSED: list[Any] = [
    pytest.param({"unevaluatedProperties": P}, id="unevaluatedProperties"),
    pytest.param({"properties": {"c": {"unevaluatedItems": P}}}, id="unevaluatedItems"),
    pytest.param({"properties": {"c": {"contains": P}}}, id="contains"),
    pytest.param({"properties": {"c": {"contains": {"format": "resource-postgresql"}}}}, id="resource type"),
    pytest.param({"properties": {"c": {"$ref": "#pw"}}, "$defs": {"p": {"$anchor": "pw", **P}}}, id="anchor"),
    pytest.param(
        {"$id": "https://e.org/s", "properties": {"c": {"$ref": "https://e.org/s#/$defs/p"}}, "$defs": {"p": P}},
        id="address",
    ),
    pytest.param(
        {"properties": {"c": {"$dynamicRef": "#pw"}}, "$defs": {"p": {"$dynamicAnchor": "pw", **P}}}, id="dynamic"
    ),
]


async def refused(api: ApiHarness, call: str, **body: Any) -> Any:
    answer = await api.client.post(f"{W}/{call}", json=body)
    assert answer.status_code == 400, (call, answer.text)
    return answer.json()["error"]


async def kind(api: ApiHarness, schema: Any) -> httpx.Response:
    return await api.client.post(f"{W}/resources/type/create", json={"name": "mine", "schema": schema})


@pytest.mark.parametrize(("schema", "args"), READ)
async def test_password_input_is_masked(api: ApiHarness, schema: Any, args: Any) -> None:
    body = {"path": "f/team/login", "summary": "", "value": IDENTITY, "schema": schema}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    run = await api.client.post(f"{W}/jobs/run/f/f/team/login", json=args)
    assert run.status_code == 201, run.text
    shown = str(await api.get(f"jobs_u/get_args/{run.text}"))
    assert "***" in shown and SECRET not in shown


@pytest.mark.parametrize(("schema", "value"), READ)
async def test_password_field_of_resource_is_masked(api: ApiHarness, schema: Any, value: Any) -> None:
    assert (await kind(api, schema)).status_code == 201
    made = {"path": "u/admin/ring", "resource_type": "mine", "value": value}
    assert (await api.client.post(f"{W}/resources/create", json=made)).status_code == 201
    assert SECRET not in str(await api.get("resources/get/u/admin/ring"))
    answer = await api.client.get(f"{W}/resources/get_value/u/admin/ring")
    assert (answer.status_code, SECRET in answer.text) == (403, False)


@pytest.mark.parametrize("schema", REFUSED)
async def test_unprotectable_schema_is_refused(api: ApiHarness, schema: Any) -> None:
    script = {"path": "f/team/s", "summary": "", "content": "def main(): pass", "language": "python3"}
    error = await refused(api, "scripts/create", **script, schema=schema)
    assert error["code"] == UNSUPPORTED and "properties" in error["hint"]
    error = await refused(api, "flows/create", path="f/team/w", summary="", value=IDENTITY, schema=schema)
    assert [(each["code"], each["path"]) for each in error["details"]] == [(UNSUPPORTED, "/schema")]
    assert (await refused(api, "resources/type/create", name="mine", schema=schema))["code"] == UNSUPPORTED
    assert (await kind(api, {})).status_code == 201
    assert (await refused(api, "resources/type/update/mine", schema=schema))["code"] == UNSUPPORTED


async def test_stored_unprotectable_schema_refuses_input(api: ApiHarness) -> None:
    assert (await kind(api, {})).status_code == 201
    async with api.platform.db.transaction() as conn:
        await conn.execute(
            "UPDATE resource_type SET schema = $1 WHERE name = 'mine'", '{"unevaluatedProperties":{"password":true}}'
        )
    value = {"a": SECRET}
    error = await refused(api, "resources/create", path="u/admin/r", resource_type="mine", value=value)
    assert error["code"] == UNSUPPORTED
    inside = {"properties": {"db": {"type": "object", "format": "resource-mine"}}}
    body = {"path": "f/team/login", "summary": "", "value": IDENTITY, "schema": inside}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    assert (await refused(api, "jobs/run/f/f/team/login", db=value))["code"] == UNSUPPORTED
    run = await api.client.post(f"{W}/jobs/run/f/f/team/login", json={"db": "$res:u/admin/r"})
    assert run.status_code == 201, "a reference needs no protection"


async def test_nested_resource_type_is_protected(api: ApiHarness) -> None:
    outer = {"properties": {"db": {"$ref": "#/$defs/db"}}, "$defs": {"db": {"format": "resource-postgresql"}}}
    assert (await kind(api, outer)).status_code == 201
    schema = {"properties": {"all": {"format": "resource-mine"}}}
    body = {"path": "f/team/login", "summary": "", "value": IDENTITY, "schema": schema}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    run = await api.client.post(f"{W}/jobs/run/f/f/team/login", json={"all": {"db": {"password": SECRET}}})
    assert await api.get(f"jobs_u/get_args/{run.text}") == {"all": {"db": {"password": "***"}}}


OUTER = {"properties": {"db": {"$ref": "#/$defs/db"}}, "$defs": {"db": {"format": "resource-inner"}}}


@pytest.mark.parametrize("is_late", [False, True], ids=["created", "declared later"])
async def test_resource_with_value_of_nested_type_is_sealed(api: ApiHarness, is_late: bool) -> None:
    """The resource contains a value of another type. `is_late`: that type declares its password later."""

    async def post(call: str, body: Any) -> None:
        answer = await api.client.post(f"{W}/resources/{call}", json=body)
        assert answer.status_code in (200, 201), answer.text

    declared = {"properties": {"password": P}}
    await post("type/create", {"name": "inner", "schema": {} if is_late else declared})
    assert (await kind(api, OUTER)).status_code == 201
    value = {"db": {"host": "h", "password": SECRET}}
    await post("create", {"path": "u/admin/r", "resource_type": "mine", "value": value})
    if is_late:
        await post("type/update/inner", {"schema": declared})
    assert (await api.get("resources/get/u/admin/r"))["value"]["db"] == {"host": "h", "password": "***"}
    for call in ("get_value", "get_value_interpolated"):
        refused = await api.client.get(f"{W}/resources/{call}/u/admin/r")
        assert refused.json()["error"]["code"] == "secret_is_write_only", refused.text
    await post("update/u/admin/r", {"value": {"db": {"host": "other", "password": "***"}}})
    assert (await api.get("resources/get/u/admin/r"))["value"]["db"] == {"host": "other", "password": "***"}


async def test_value_over_work_limit_is_refused(api: ApiHarness) -> None:
    schema = {"properties": {"rows": {"items": P}}}
    body = {"path": "f/team/login", "summary": "", "value": IDENTITY, "schema": schema}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    error = await refused(api, "jobs/run/f/f/team/login", rows=["a"] * 20_000)
    assert error["code"] == "schema_too_complex" and error["hint"]
    assert (await kind(api, schema)).status_code == 201
    value = {"rows": ["a"] * 20_000}
    error = await refused(api, "resources/create", path="u/admin/r", resource_type="mine", value=value)
    assert error["code"] == "schema_too_complex"


async def test_type_that_cannot_seal_existing_values_is_refused(api: ApiHarness) -> None:
    value = {"rows": [SECRET] * 20_000}
    made = {"path": "u/admin/r", "resource_type": "mine", "value": value}
    assert (await api.client.post(f"{W}/resources/create", json=made)).status_code == 201
    answer = await kind(api, {"properties": {"rows": {"items": P}}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "schema_too_complex")
    assert (await api.client.get(f"{W}/resources/type/get/mine")).status_code == 404


async def test_anonymous_value_over_work_limit_is_refused(api: ApiHarness) -> None:
    schema = {"properties": {"rows": {"items": P}}}
    body = {"path": "f/team/login", "summary": "", "value": IDENTITY, "schema": schema}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    hook = {
        "path": "f/team/hook",
        "script_path": "f/team/login",
        "is_flow": True,
        "route_path": "rows",
        "http_method": "post",
        "authentication_method": "none",
        "is_static_website": False,
        "request_type": "async",
    }
    assert (await api.client.post(f"{W}/http_triggers/create", json=hook)).status_code == 201
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta") as stranger:
        answer = await stranger.post("/api/r/rows", json={"rows": ["a"] * 20_000})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "schema_too_complex"), answer.text
        assert (await stranger.post("/api/r/rows", json={"rows": [SECRET]})).status_code == 201
