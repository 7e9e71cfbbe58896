"""Login, profiles, and the choice of the server of a command."""

from __future__ import annotations

import stat
import tomllib
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.cli.client import Cli
from tests.e2e.installation import Installation
from tests.ports import free_port

pytestmark = pytest.mark.extended

PASSWORD = "correct horse battery"
ADA = "ada@example.org"


@pytest.fixture(scope="session")
def ada(installation: Installation) -> str:
    """Create an account with a password, as a member of the workspace main; return its e-mail address."""
    body = {"email": ADA, "username": "ada", "password": PASSWORD}
    assert installation.client.post("/api/users/create", json=body).status_code == 201
    member = {"email": ADA, "username": "ada"}
    assert installation.client.post("/api/w/main/workspaces/add_user", json=member).status_code == 200
    return ADA


def logged_in(cli: Cli, *more: str) -> Cli:
    cli("login", cli.installation.base, "--email", ADA, "--profile", "site", *more, text=f"{PASSWORD}\n")
    return cli


def at(url: str, token: str) -> dict[str, Any]:
    """Return the environment variables for this server."""
    return {"ORVANTA_URL": url, "ORVANTA_TOKEN": token}


def token_of(cli: Cli, name: str = "site") -> str:
    return str(tomllib.loads(cli.config.read_text())["profile"][name]["token"])


def test_local_works_without_a_login(cli: Cli) -> None:
    who = cli("whoami", "--json").json
    assert (who["username"], who["workspace"], who["profile"]) == ("admin", "main", "local")
    assert who["url"] == cli.installation.base
    assert not cli.config.exists()
    assert cli("profile", "list").out.split() == ["*", "local", cli.installation.base, "main"]


def test_missing_profile_explains_login(cli: Cli) -> None:
    done = cli("job", "list", code=4, ORVANTA_HOME=str(cli.folder / "nowhere"))
    assert done.err.startswith("Error: No profile exists.\nLog in with `orvanta login")


@pytest.mark.usefixtures("ada")
def test_login_stores_token_privately_and_never_prints_it(cli: Cli) -> None:
    done = cli("login", cli.installation.base, "--email", ADA, "--profile", "site", text=f"{PASSWORD}\n")
    assert done.out == f"Logged in to {cli.installation.base} as {ADA}, workspace main, profile site.\n"
    assert stat.S_IMODE(cli.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(cli.config.parent.stat().st_mode) == 0o700
    token = token_of(cli)
    assert token.startswith("ovs_")
    whoami, listed = cli("whoami"), cli("profile", "list", "--json")
    assert whoami.out.startswith(f"{ADA} (ada), developer of the workspace main\n")
    assert [(each["name"], each["current"]) for each in listed.json] == [("local", False), ("site", True)]
    for each in (done, whoami, listed):
        assert token not in each.out + each.err
        assert PASSWORD not in each.out + each.err


@pytest.mark.usefixtures("ada")
def test_terminal_prompts_for_hidden_password(cli: Cli) -> None:
    answers = [("E-mail address: ", ADA), ("Password: ", PASSWORD)]
    done = cli.on_terminal("login", cli.installation.base, answers=answers)
    assert done.code == 0, done.err
    assert "profile 127-0-0-1" in done.out
    assert ADA in done.err
    assert PASSWORD not in done.err


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("as_json", [False, True])
def test_wrong_password_is_rejected(cli: Cli, as_json: bool) -> None:
    given = ["--json"] if as_json else []
    done = cli("login", cli.installation.base, "--email", ADA, *given, text="wrong password\n", code=4)
    assert "Error: The e-mail address or the password is wrong.\n" in done.err
    assert not cli.config.exists()
    if as_json:
        assert done.json["error"]["code"] == "not_logged_in"
    else:
        assert done.out == ""


def test_token_is_read_from_stdin(cli: Cli) -> None:
    """The workspace is named, as other tests create workspaces that the admin sees."""
    flags = ("--token-stdin", "--workspace", "main", "--json")
    done = cli("login", cli.installation.base, *flags, text=f"{cli.installation.token}\n")
    assert (done.json["email"], done.json["workspace"]) == ("admin@localhost", "main")
    assert cli.installation.token not in done.out + done.err
    assert cli("whoami", "--json").json["profile"] == "127-0-0-1"
    # Logout only removes a token that the user supplied: it remains valid elsewhere.
    cli("logout")
    assert cli.installation.client.get("/api/users/whoami").status_code == 200


@pytest.mark.parametrize("token", ["", "no token\n", "ov_" + "x" * 43 + "\n", "schlüssel\n"])
def test_malformed_token_is_rejected(cli: Cli, token: str) -> None:
    done = cli("login", cli.installation.base, "--token-stdin", text=token, code=None)
    assert done.code in (1, 4)
    assert done.err.startswith("Error: ")
    assert not cli.config.exists()


@pytest.mark.usefixtures("ada")
def test_logout_ends_the_session_and_keeps_the_address(cli: Cli) -> None:
    token = token_of(logged_in(cli))
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{cli.installation.base}/api/users/whoami", headers=headers, timeout=60).status_code == 200
    assert cli("logout").out == f"Logged out of {cli.installation.base}, profile site.\n"
    assert httpx.get(f"{cli.installation.base}/api/users/whoami", headers=headers, timeout=60).status_code == 401
    assert token not in cli.config.read_text()
    done = cli("job", "list", code=4)
    assert done.err == "Error: The profile site is logged out.\nLog in with `orvanta login --profile site`.\n"
    cli("login", "--email", ADA, text=f"{PASSWORD}\n")
    assert cli("whoami", "--json").json["profile"] == "site"


@pytest.mark.usefixtures("ada")
def test_expired_session_explains_login(cli: Cli) -> None:
    token = token_of(logged_in(cli))
    httpx.post(f"{cli.installation.base}/api/auth/logout", headers={"Authorization": f"Bearer {token}"}, timeout=60)
    done = cli("job", "list", "--json", code=4)
    assert done.json["error"]["code"] == "not_logged_in"
    assert "orvanta login --profile site" in done.err


@pytest.mark.usefixtures("ada")
def test_profiles_are_chosen_and_removed(cli: Cli) -> None:
    logged_in(cli)
    assert cli("whoami", "--profile", "local", "--json").json["username"] == "admin"
    assert cli("whoami", "--json", ORVANTA_PROFILE="local").json["username"] == "admin"
    cli("profile", "use", "local")
    assert cli("whoami", "--json").json["username"] == "admin"
    assert cli("profile", "use", "site", "--workspace", "sales", "--json").json["workspace"] == "sales"
    assert cli("profile", "list", "--json").json[1]["workspace"] == "sales"
    cli("profile", "remove", "site")
    assert cli("profile", "use", "site", code=1).err.startswith("Error: The profile site does not exist.")
    assert "token" not in cli.config.read_text()


@pytest.mark.usefixtures("ada")
def test_foreign_workspace_is_rejected(cli: Cli) -> None:
    logged_in(cli)
    before = len(cli("user", "sessions", "--json").json)
    arguments = ("login", cli.installation.base, "--email", ADA, "--workspace", "admins")
    assert "Your workspaces: main." in cli(*arguments, text=f"{PASSWORD}\n", code=1).err
    logged_in(cli)
    # The refused login has left no session.
    own = [each for each in cli("user", "sessions", "--json").json if not each["current"]]
    assert len(own) == before, own
    assert cli("flow", "list", "--workspace", "admins", code=1).err.startswith("Error: ")


def test_invited_account_without_workspace_logs_in_and_joins(cli: Cli) -> None:
    account = {"email": "ivy@example.org", "username": "ivy", "password": PASSWORD}
    client = cli.installation.client
    assert client.post("/api/users/create", json=account).status_code == 201
    log_in = ("login", cli.installation.base, "--email", account["email"], "--profile", "ivy")
    done = cli(*log_in, text=f"{PASSWORD}\n")
    assert "no workspace, profile ivy" in done.out and "Ask an admin of a workspace for an invitation." in done.err
    assert "not a member of a workspace" in cli("whoami").out
    assert cli("flow", "list", code=1).err.startswith("Error: The profile has no workspace.\nPass --workspace")
    assert "not a member of the workspace main" in cli(*log_in, "--workspace", "main", text=f"{PASSWORD}\n", code=1).err
    invitation = {"email": account["email"], "role": "viewer"}
    assert client.post("/api/w/main/workspaces/invite_user", json=invitation).status_code == 200
    for more in ((), ("--workspace", "main")):
        done = cli(*log_in, *more, text=f"{PASSWORD}\n")
        assert "workspace main, profile ivy" in done.out
        assert "Join with `orvanta member join --workspace main`." in done.err
    assert cli("member", "join").out == "main: joined\n"
    assert "viewer of the workspace main" in cli("whoami").out


def test_limited_token_of_superadmin_logs_in_to_workspace_that_it_cannot_list(cli: Cli) -> None:
    client = cli.installation.client
    account = {"email": "sue@example.org", "username": "sue", "password": PASSWORD, "super_admin": True}
    assert client.post("/api/users/create", json=account).is_success
    own = httpx.post(f"{cli.installation.base}/api/auth/login", json=account, timeout=60).text
    limits = {"label": "ci", "scopes": ["jobs:run", "scripts:read"]}
    made = client.post("/api/users/tokens/create", json=limits, headers={"Authorization": f"Bearer {own}"})
    log_in = ("login", cli.installation.base, "--token-stdin", "--profile", "sue", "--workspace")
    assert "workspace main, profile sue" in cli(*log_in, "main", text=f"{made.text}\n").out
    assert "not a member of the workspace none" in cli(*log_in, "none", text=f"{made.text}\n", code=1).err


def test_environment_sets_server_token_and_workspace(cli: Cli) -> None:
    given = {**at(cli.installation.base, cli.installation.token), "ORVANTA_HOME": str(cli.folder / "nowhere")}
    who = cli("whoami", "--json", **given, ORVANTA_WORKSPACE="admins").json
    assert (who["profile"], who["workspace"]) == ("ORVANTA_URL", "admins")
    assert cli("whoami", "--workspace", "main", "--json", **given).json["workspace"] == "main"


def test_folder_belongs_to_a_workspace(cli: Cli) -> None:
    """Commands in a folder or on its files use its workspace, unless an option or a variable selects another one."""
    client = cli.installation.client
    assert client.post("/api/workspaces/create", json={"id": "owner", "name": "Owner"}).status_code == 201
    cli("init", "repo", "--workspace", "owner")
    cli.write("repo/f/owned/one.variable.yaml", "value: a\nis_secret: false\n")
    cli.write("repo/f/owned/two.py", "def main():\n    return 2\n")
    cli("push", "repo")
    assert cli("script", "push", "repo/f/owned/two.py").out == "f/owned/two: unchanged (version 1)\n"
    for kind, path in (("variables/exists", "one"), ("scripts/exists/p", "two")):
        found = [client.get(f"/api/w/{each}/{kind}/f/owned/{path}").json() for each in ("owner", "main")]
        assert found == [True, False]
    cli("status", "repo/f", "--exit-code")
    inside = replace(cli, folder=cli.folder / "repo/f")
    assert inside("script", "run", "f/owned/two").json == 2
    assert inside("whoami", "--profile", "local", "--json").json["workspace"] == "main"
    others: list[tuple[list[str], dict[str, Any]]] = [
        (["--workspace", "main"], {}),
        (["--profile", "local"], {}),
        ([], {"ORVANTA_WORKSPACE": "main"}),
    ]
    for more, environ in others:
        assert "A  variable f/owned/one" in cli("status", "repo", *more, **environ).out
    state = cli.folder / "repo/.orvanta/state.json"
    state.write_text(state.read_text().replace(cli.installation.base, "https://elsewhere.example"))
    assert inside("whoami", "--json").json["workspace"] == "main"
    refused = cli("push", "repo", code=1)
    assert refused.err.startswith("Error: The folder belongs to the workspace owner of https://elsewhere.example;")
    cli("status", "repo", "--workspace", "owner")


def test_token_is_not_sent_to_another_server(cli: Cli) -> None:
    elsewhere = f"http://127.0.0.1:{free_port()}"
    done = cli("whoami", code=4, ORVANTA_URL=elsewhere)
    assert done.err.startswith("Error: ORVANTA_URL is set without ORVANTA_TOKEN.")
    done = cli("whoami", code=4, ORVANTA_TOKEN=cli.installation.token)
    assert done.err.startswith("Error: ORVANTA_TOKEN is set without ORVANTA_URL.")
    # Options of the command line take precedence over the environment.
    assert cli("whoami", "--profile", "local", "--json", ORVANTA_URL=elsewhere).json["username"] == "admin"


def test_unknown_profile_setting_is_rejected(cli: Cli) -> None:
    done = cli("job", "list", code=1, ORVANTA_TOKE="x")
    assert done.err == "Error: Unknown setting ORVANTA_TOKE.\nDid you mean ORVANTA_TOKEN?\n"


def test_invalid_token_is_reported_in_one_sentence(cli: Cli) -> None:
    done = cli("job", "list", code=4, **at(cli.installation.base, "ov_nothing"))
    assert done.err.startswith("Error: The token is not valid.\nThe token in ORVANTA_TOKEN may be")
    assert "ov_nothing" not in done.err


@pytest.mark.parametrize("as_json", [False, True])
def test_unreachable_server_is_reported_in_one_sentence(cli: Cli, as_json: bool) -> None:
    given = at(f"http://127.0.0.1:{free_port()}", "ov_x")
    for command in (["job", "list"], ["flow", "run", "f/x/y"], ["variable", "list"], ["whoami"]):
        done = cli(*command, *(["--json"] if as_json else []), code=4, **given)
        assert done.err.startswith(f"Error: {given['ORVANTA_URL']} cannot be reached"), done.err
        assert not as_json or done.json["error"]["code"] == "server_unreachable"


@pytest.mark.parametrize(
    "url", ["ftp://host", "http://", "http://ada:secret@host", "https://host/?x", "http://host:99999"]
)
def test_invalid_url_is_rejected_and_not_echoed(cli: Cli, url: str) -> None:
    done = cli("login", url, "--token-stdin", text="ov_x\n", code=1)
    assert done.err.startswith("Error: The address of the server is invalid.")
    assert "secret" not in done.err


@pytest.mark.usefixtures("ada")
def test_world_readable_profile_file_is_made_private(cli: Cli) -> None:
    logged_in(cli)
    cli.config.chmod(0o644)
    cli("whoami")
    assert stat.S_IMODE(cli.config.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["current = ", "[profile.a]\nurl = 5\nworkspace = 'x'", "profile = 1", "[profile.a]"])
def test_invalid_profile_file_is_reported_in_one_sentence(cli: Cli, text: str) -> None:
    cli.write(".config/orvanta/profiles.toml", text)
    assert cli("job", "list", code=1).err.startswith(f"Error: The profile file {cli.config} cannot be read: ")
