"""`python -m bench p1 p2 …`: run the named benchmarks ("bars"), or all of them."""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bench import report
from bench.bars import Measure, Options, Outcome
from bench.machine import describe
from bench.measures import (
    chain,
    costs,
    deploy,
    drain,
    growth,
    idle,
    imports,
    large_values,
    loops,
    pages,
    printing,
    schedules,
    servers,
    sleeping,
    start,
    waiting,
    webhook,
)

BARS: dict[str, Measure] = {
    "p1": chain.p1,
    "p2": chain.p2,
    "p3": webhook.p3,
    "p4": drain.p4,
    "p5": start.p5,
    "p6": loops.p6,
    "p7": sleeping.p7,
    "p8": growth.p8,
    "p9": printing.p9,
    "p10": large_values.p10,
    "p11": idle.p11,
    "p12": start.p12,
    "p13": deploy.p13,
    "p14": schedules.p14,
    "p15": chain.p15,
    "p16": waiting.p16,
    "p17": servers.p17,
    "p18": costs.p18,
    "p19": costs.p19,
    "p20": pages.p20,
    "p21": imports.p21,
}
_README = Path(__file__).parents[1] / "README.md"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Bars, such as p1 p15; none: all.")] = None,
    quick: Annotated[bool, typer.Option(help="Some seconds each, our side alone: shows that it works.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Measured rounds after the warm-up.")] = 15,
    jobs: Annotated[int, typer.Option(min=1, help="Length of the queue of P4.")] = 100_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here.")] = None,
    readme: Annotated[bool, typer.Option(help="Put the table into README.md.")] = False,
    peers: Annotated[Path | None, typer.Option(help="Keep the peers in this folder for the next time.")] = None,
) -> None:
    """Measure the platform beside its peers and say which bars are reached."""
    wanted = [name.lower() for name in names or BARS]
    unknown = [name for name in wanted if name not in BARS]
    if unknown:
        raise typer.BadParameter(f"no bar {unknown[0]}; there are {', '.join(BARS)}")
    if readme and names:
        raise typer.BadParameter("the table in README.md is that of all bars: name none")
    machine = describe()
    if quick:
        rounds, jobs = min(rounds, 2), min(jobs, 500)
    options = Options(quick=quick, rounds=rounds, jobs=jobs, peers=peers, say=_log)
    with tempfile.TemporaryDirectory(prefix="orvanta-bench-peers-") as folder:
        outcomes = measure(wanted, options if peers else replace(options, peers=Path(folder)))
    _log("\n" + report.table(outcomes))
    for each in outcomes:
        for note in each.notes:
            _log(f"{each.bar}: {note}")
    if json_file is not None:
        settings = {"quick": quick, "rounds": rounds, "jobs": jobs}
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(report.document(machine, settings, outcomes), encoding="utf-8")
    if readme:
        report.write_readme(_README, machine, outcomes)
    if any(each.measured.startswith("failed") for each in outcomes):
        raise typer.Exit(1)


def measure(names: list[str], options: Options) -> list[Outcome]:
    """Measure these bars one after the other; a bar that raises an error is reported as failed."""
    outcomes = []
    for name in names:
        options.say(f"{name.upper()} …")
        started = time.monotonic()
        try:
            outcome = BARS[name](options)
        except Exception as error:
            # The other bars can still be measured; the full error is printed.
            traceback.print_exc()
            outcome = Outcome(name.upper(), _description(name), "–", f"failed: {type(error).__name__}", False)
        outcomes.append(outcome)
        options.say(f"{name.upper()} {outcome.measured}, asked {outcome.asked} ({time.monotonic() - started:.0f} s)")
    return outcomes


def _description(name: str) -> str:
    return (BARS[name].__doc__ or "").strip().splitlines()[0].rstrip(".")


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    app()
