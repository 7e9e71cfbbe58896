"""Parameters that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

ItemPath = Annotated[str, typer.Argument(help="Path of it: f/<folder>/<name> or u/<user>/<name>.", metavar="PATH")]
Message = Annotated[str | None, typer.Option("--message", "-m", help="What the version is about, kept in its history.")]
Base = Annotated[
    str | None, typer.Option("--base", help="Version it was edited from: refuse if a newer one is deployed.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be deployed, and what is wrong with it.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until the dependencies are locked.")]
All = Annotated[bool, typer.Option("--all", help="Push everything under the folder; the present one by default.")]
Pairs = Annotated[
    list[str] | None,
    typer.Option("-i", help="One input: key=text, or key:=json. May be repeated.", metavar="KEY=VALUE"),
]
InputFile = Annotated[
    str | None, typer.Option("--input", help="JSON object with the inputs; - is stdin.", metavar="FILE")
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Print the run's id and do not wait for its end.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end without showing progress.")]
CancelOnInterrupt = Annotated[bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C cancels the run.")]
Prefix = Annotated[str | None, typer.Argument(help="Only paths that start so, e.g. f/sales/.", metavar="PREFIX")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many at most.")]
