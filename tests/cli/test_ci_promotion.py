"""The steps of `docs/how-to/operate/promote.md` for a CI pipeline, run as they are written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.cli.client import Cli
from tests.cli.test_ci_token import FLOW, ci_scopes
from tests.e2e.installation import ORVANTA, PATIENCE_S, Installation

PAGE = Path(__file__).parents[2] / "docs/how-to/operate/promote.md"
TREE = {
    "f/sales/code.sh": "echo 7\n",
    "f/sales/report.flow/flow.yaml": FLOW.replace("f/pipeline/code", "f/sales/code"),
    "f/sales/report.flow/tests/seven.yaml": "nodes: {a: {result: 7, inputs: {}}}\nexpect: {result: {equals: 7}}\n",
}


def blocks() -> list[str]:
    """Return the commands of the section: those of the admins, and those of the pipeline."""
    section = PAGE.read_text().partition("## Promote from a CI pipeline")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def follow(cli: Cli, commands: str, folder: str = ".") -> str:
    """Run commands in a shell that stops at the first error; return what they print."""
    environ = {**cli.environ, "PATH": f"{ORVANTA.parent}:{cli.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=cli.folder / folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pipeline_pushes_tests_and_promotes(cli: Cli, installation: Installation) -> None:
    for name in ("dev", "stage"):
        cli("workspace", "create", name)
        cli("folder", "create", "sales", "-w", name)
    cli("env", "create", "staging", "--of", "stage")
    for name, text in TREE.items():
        cli.write(f"repo/{name}", text)
    promote_with_one_token(cli, installation)
    promote_with_two_profiles(cli, installation)
    cli("env", "delete", "staging", "--profile", "local")


def promote_with_one_token(cli: Cli, installation: Installation) -> None:
    prepare, pipeline = blocks()
    assert re.findall(r"--scope (\S+)", prepare) == ci_scopes()
    token = follow(cli, prepare).splitlines()[-1]
    environ = {"ORVANTA_URL": installation.base, "ORVANTA_TOKEN": token, "ORVANTA_WORKSPACE": "dev"}
    ci = Cli(installation, {**cli.environ, **environ}, cli.folder)
    assert follow(ci, pipeline, "repo").rstrip().endswith(": applied")
    assert installation.client.get("/api/w/stage/flows/get/f/sales/report").is_success
    # A profile is as good as the variables.
    login = ("login", installation.base, "--token-stdin", "--profile", "ci", "-w", "stage")
    cli(*login, text=token)
    assert cli("whoami", "--profile", "ci", "--json").json["role"] == "developer"
    assert cli("member", "list", "--profile", "ci", code=1).err.startswith("Error: You may not")


def promote_with_two_profiles(cli: Cli, installation: Installation) -> None:
    """Promote by the release's file. Each profile has the token of a service account of one workspace."""
    admin = Cli(installation, {**cli.environ, "ORVANTA_PROFILE": "local"}, cli.folder)
    for name in ("dev", "stage"):
        admin("service-account", "create", f"{name}ci", "--role", "developer", "-w", name)
        admin("permission", "add", "folder", "sales", f"u/{name}ci", "--write", "-w", name)
        scopes = [word for scope in ci_scopes() for word in ("--scope", scope)]
        token = admin("service-account", "token", f"{name}ci", *scopes, "-w", name).out.strip()
        cli("login", installation.base, "--token-stdin", "--profile", name, text=token)
    cli.write("repo/f/sales/code.sh", "echo 7 # again\n")
    cli("push", "repo", "--force", "-m", "From CI", "--profile", "dev")
    release = cli("release", "create", "flow/f/sales/report", "--profile", "dev").out.strip()
    promote = ("promote", f"dev/{release}", "--from", "dev", "--to", "staging", "--profile", "stage")
    assert cli(*promote).out
    assert cli(*promote, "--apply").out.rstrip().endswith(": applied")
    shown = cli("env", "show", "staging", "--profile", "stage").out
    assert f"release: stage/1 (imported from dev/{release} of this instance) by stageci" in shown
