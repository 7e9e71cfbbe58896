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

from bench import report, results_page
from bench.bars import Measure, Options, Outcome
from bench.machine import describe, probe_text
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
from bench.stored_results import FOLDER
from bench.targets import TARGETS

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
SHORT = ("p1", "p2", "p3", "p5", "p15", "p19")
"""Bars of `--short`: those of the time and the cost of a run."""

_SHORT_ROUNDS = 3

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Bars, such as p1 p15; none: all.")] = None,
    quick: Annotated[bool, typer.Option(help="Some seconds each, our side alone: shows that it works.")] = False,
    short: Annotated[bool, typer.Option(help="P1, P2, P3, P5, P15, P19, three rounds: five minutes.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Measured rounds after the warm-up.")] = 15,
    jobs: Annotated[int, typer.Option(min=1, help="Length of the queue of P4.")] = 100_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here.")] = None,
    keep: Annotated[bool, typer.Option(help="Store the result in bench/results, and renew README and pages.")] = False,
    peers: Annotated[Path | None, typer.Option(help="Keep the peers in this folder for the next time.")] = None,
) -> None:
    """Measure the platform beside its peers and say which bars are reached."""
    wanted = [name.lower() for name in names or (SHORT if short else BARS)]
    unknown = [name for name in wanted if name not in BARS]
    if unknown:
        raise typer.BadParameter(f"no bar {unknown[0]}; there are {', '.join(BARS)}")
    machine = describe()
    _log(probe_text(machine["probe_us"]))
    if quick:
        rounds, jobs = min(rounds, 2), min(jobs, 500)
    rounds = min(rounds, _SHORT_ROUNDS) if short else rounds
    options = Options(quick=quick, rounds=rounds, jobs=jobs, peers=peers, say=_log)
    with tempfile.TemporaryDirectory(prefix="orvanta-bench-peers-") as folder:
        outcomes = measure(wanted, options if peers else replace(options, peers=Path(folder)))
    _log("\n" + report.table(outcomes))
    for each in outcomes:
        for note in each.notes:
            _log(f"{each.bar}: {note}")
    files = [json_file] if json_file is not None else []
    if keep:
        files.append(FOLDER / report.file_name(machine, outcomes, short=short, every=len(BARS)))
    for file in files:
        settings = {"quick": quick, "short": short, "rounds": rounds, "jobs": jobs}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(report.document(machine, settings, outcomes), encoding="utf-8")
    if keep:
        results_page.write()
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
            target = TARGETS[name.upper()]
            outcome = Outcome(name.upper(), target.what, target.asked, f"failed: {type(error).__name__}", False)
        outcomes.append(outcome)
        options.say(f"{name.upper()} {outcome.measured}, asked {outcome.asked} ({time.monotonic() - started:.0f} s)")
    return outcomes


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    app()
