"""Versions that await acceptance, from the command line."""

from __future__ import annotations

import pytest
from tests.cli.client import Cli

pytestmark = pytest.mark.extended

PATH = "f/examples/order_receipt"


def test_version_is_accepted_for_member(cli: Cli) -> None:
    assert cli("acceptance", "list", "--json").json == []
    assert cli("acceptance", "list").out == ""
    version = cli("flow", "show", PATH, "--json").json["version_id"]
    output = cli("acceptance", "accept", "flow", PATH, str(version), "--for", "u/admin").out
    assert output == f"{PATH}: version {version} is accepted for u/admin\n"
    made = cli("acceptance", "accept", "flow", PATH, str(version), "--json").json
    assert made == {"path": PATH, "version": version, "permissioned_as": "g/all"}
    refused = cli("acceptance", "accept", "flow", PATH, "999999", "--json", code=1).json
    assert refused["error"]["code"] == "not_found"
