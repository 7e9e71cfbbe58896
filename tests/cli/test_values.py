"""Variables and resources from the command line."""

from __future__ import annotations

import pytest
from tests.cli.client import Cli

pytestmark = pytest.mark.extended

SECRET = "geheim-☃-8f31c0"


def test_variable_is_created_changed_and_deleted(cli: Cli) -> None:
    path = "f/examples/cli_region"
    assert cli("variable", "set", path, "Nörd\u2028lich", "--description", "Where").out == f"{path}: created\n"
    assert cli("variable", "get", path).out == "Nörd\u2028lich\n"
    assert cli("variable", "set", path, "--json", text="two\nlines\r\n").json == {"path": path, "state": "updated"}
    found = cli("variable", "get", path, "--json").json
    assert (found["value"], found["is_secret"], found["description"]) == ("two\nlines", False, "Where")
    assert cli("variable", "list", "f/examples/cli_r").out.split() == [path, "two", "lines", "Where"]
    assert cli("variable", "delete", path).out == f"{path}: deleted\n"
    assert cli("variable", "get", path, "--json", code=1).json["error"]["code"] == "not_found"


def test_secret_is_neither_argument_nor_printed(cli: Cli) -> None:
    path = "f/examples/cli_key"
    assert "A secret cannot be an argument" in cli("variable", "set", path, "x", "--secret", code=2).err
    made = cli("variable", "set", path, "--secret", text=f"{SECRET}\n")
    got = cli("variable", "get", path, code=1)
    assert got.err.startswith(f"Error: The variable {path} is a secret.")
    shown = [
        made,
        got,
        cli("variable", "get", path, "--json"),
        cli("variable", "list", "--json"),
        cli("variable", "list"),
    ]
    assert not any(SECRET in each.out + each.err for each in shown)
    answered = cli.on_terminal("variable", "set", path, answers=[(f"Value of {path}: ", SECRET)])
    assert (answered.code, answered.out) == (0, f"{path}: updated\n")
    assert SECRET not in answered.err
    assert cli("variable", "get", path, "--json").json["is_secret"] is True
    cli("variable", "delete", path)


def test_resource_is_created_changed_and_deleted(cli: Cli) -> None:
    path = "f/examples/cli_database"
    value = '{"host": "db", "port": 5432, "ratio": 1.10}'
    assert "needs --type" in cli("resource", "set", path, "--value", value, code=2).err
    assert cli("resource", "set", path, "--type", "postgresql", "--value", value).out == f"{path}: created\n"
    assert '"ratio":1.10' in cli("resource", "get", path).out.replace(": ", ":")
    cli.write("value.json", '{"host": "other"}')
    assert cli("resource", "set", path, "--input", "value.json", "--json").json["state"] == "updated"
    assert cli("resource", "get", path).json == {"host": "other"}
    assert cli("resource", "get", path, "--resolved").json == {"host": "other"}
    cli("variable", "set", "f/examples/cli_host", "db")
    cli("resource", "set", path, "--value", '{"host": "$var:f/examples/cli_host"}')
    assert cli("references", "variable", "f/examples/cli_host").out.split() == ["resource", path]
    later = cli("references", "variable", "f/examples/cli_host", "--environments", "--json").json
    assert later["hidden_environments"] == 0 and isinstance(later["environments"], list)
    found = cli("references", "resource-type", "postgresql", "--direct", "--json").json
    assert ("resource", path, 1) in {(each["kind"], each["path"], each["distance"]) for each in found["references"]}
    assert cli("references", "script", "f/examples/none", "--json", code=1).json["error"]["code"] == "not_found"
    cli("variable", "delete", "f/examples/cli_host")
    cli("resource", "set", path, "--value", '{"host": "other"}')
    whole = cli("resource", "get", path, "--json").json
    assert (whole["path"], whole["resource_type"], whole["value"]) == (path, "postgresql", {"host": "other"})
    assert path in cli("resource", "list", "--type", "postgresql").out
    assert [each["path"] for each in cli("resource", "list", "f/examples/cli_d", "--json").json] == [path]
    assert "postgresql" in {each["name"] for each in cli("resource-type", "list", "--json").json}
    cli("resource", "set", path, "--value", '{"host": "127.0.0.1"}')
    assert "127.0.0.1 is not a public address" in cli("resource", "test", path, code=1).out
    assert cli("resource", "test", path, "--json", code=1).json["success"] is False
    assert cli("resource", "delete", path).out == f"{path}: deleted\n"
    assert cli("resource", "get", path, code=1).err.startswith("Error: ")


@pytest.mark.parametrize("value", ["{", "", "{'a': 1}"])
def test_resource_must_be_json(cli: Cli, value: str) -> None:
    done = cli("resource", "set", "f/examples/cli_bad", "--type", "postgresql", "--value", value, "--json", code=1)
    assert done.json["error"]["message"].startswith("The value is not JSON")


def test_resource_type_is_created_changed_and_deleted(cli: Cli) -> None:
    schema = '{"type": "object", "properties": {"url": {"type": "string"}, "ratio": {"default": 1.10}}}'
    assert "needs a schema" in cli("resource-type", "set", "cli_shop", code=2).err
    made = cli("resource-type", "set", "cli_shop", "--schema", schema, "--description", "A shop")
    assert made.out == "cli_shop: created\n"
    assert "1.10" in cli("resource-type", "get", "cli_shop").out
    cli.write("schema.json", '{"type": "object"}')
    assert cli("resource-type", "set", "cli_shop", "--input", "schema.json", "--json").json["state"] == "updated"
    assert cli("resource-type", "set", "cli_shop", "--description", "The shop").out == "cli_shop: updated\n"
    whole = cli("resource-type", "get", "cli_shop", "--json").json
    assert (whole["schema"], whole["description"]) == ({"type": "object"}, "The shop")
    bad = cli("resource-type", "set", "cli_shop", "--schema", "{", "--json", code=1).json
    assert bad["error"]["message"].startswith("The schema is not JSON")
    assert cli("resource-type", "delete", "cli_shop").out == "cli_shop: deleted\n"
    assert cli("resource-type", "get", "cli_shop", code=1).err.startswith("Error: ")


def test_settings_of_workspace_are_printed_and_changed(cli: Cli) -> None:
    settings = ("workspace", "settings")
    assert cli(*settings, "get", "token_max_age_days").out == "null\n"
    assert cli(*settings, "set", "token_max_age_days", "30").out == "token_max_age_days: changed\n"
    assert cli(*settings, "get", "token_max_age_days", "--json").json == 30
    listed = {each["name"]: each["value"] for each in cli(*settings, "list", "--json").json}
    assert listed["token_max_age_days"] == 30 and listed["secrets_readable"] is False
    assert "token_max_age_days" in cli(*settings, "list").out
    cli(*settings, "set", "token_max_age_days", "null")
    cli(*settings, "set", "webhook", '"https://hooks.example.org/x"', "--json")
    assert cli(*settings, "get", "webhook").json == "https://hooks.example.org/x"
    cli(*settings, "set", "webhook", "null")
    assert cli(*settings, "get", "webhook").out == "null\n"
    assert "Text needs quotes" in cli(*settings, "set", "webhook", "https://x", code=1).err
    assert "token_max_age_days" in cli(*settings, "get", "nothing", code=2).err
