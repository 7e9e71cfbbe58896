"""P1, P2, P15: chains of light Python steps, measured by a client of the API."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from bench.bars import Options, Outcome
from bench.client import Client
from bench.comparison import Side, in_turns
from bench.database import settings_of
from bench.installation import Installation, installation
from bench.peers import dbos, restate
from bench.peers.install import PeerMissing
from bench.process_reuse_probe import reuses_processes
from bench.processes import Cpu
from bench.samples import Samples
from bench.targets import outcome
from bench.workflows import CHAIN_PATH, FIB_10, chain
from orvanta_platform.embedded.postgres import start

STEPS = 40
AT_ONCE = 16

Peer = Callable[[Options, int], AbstractContextManager[Side]]


def p1(options: Options) -> Outcome:
    """Run 40 steps in reused processes, beside Restate."""
    return _compare(options, "P1", "Restate", restate.side, wants_dedicated=True)


def p2(options: Options) -> Outcome:
    """Run 40 steps, each in a separate confined process, beside DBOS."""
    return _compare(options, "P2", "DBOS", dbos.side, wants_dedicated=False)


def p15(options: Options) -> Outcome:
    """Run 16 chains at once: durable steps a second."""
    steps, rounds = _steps(options), 1 if options.quick else min(options.rounds, 7)
    with installation(ORVANTA_SLOTS=str(AT_ONCE)) as orvanta:
        dedicated, notes = reuses_processes(orvanta)
        side = measure_orvanta(orvanta, steps, dedicated=dedicated)
        clients = [Client(orvanta.base) for _ in range(AT_ONCE)]
        each = 1 if options.quick else 5
        at_once(clients, side, 1)
        rates, client_ns = [], 0
        for _ in range(rounds):
            side.meter.start()
            before = time.process_time_ns()
            seconds = at_once(clients, side, each)
            client_ns += time.process_time_ns() - before
            side.meter.stop()
            rates.append(AT_ONCE * each * steps / seconds)
        _check_nodes(orvanta, steps)
        for client in clients:
            client.close()
    samples = Samples.of("steps/s", rates)
    options.say(f"  {samples.text()}")
    cpu = Cpu({**side.meter.total, "client": client_ns}).per(rounds * AT_ONCE * each * steps)
    data = {**side.about, "rate": samples.record(), "cpu_us_per_step": cpu}
    return outcome("P15", options, f"{samples.median:,.0f}/s", data, notes)


def _compare(options: Options, bar: str, peer_name: str, peer: Peer, *, wants_dedicated: bool) -> Outcome:
    steps = _steps(options)
    with ExitStack() as stack:
        orvanta = stack.enter_context(installation())
        dedicated, notes = reuses_processes(orvanta) if wants_dedicated else (False, ())
        sides = [measure_orvanta(orvanta, steps, dedicated=dedicated)]
        try:
            if not options.quick:
                sides.append(stack.enter_context(peer(options, steps)))
        except PeerMissing as error:
            notes += (f"{peer_name} could not be measured: {error}",)
        measured = in_turns(sides, options)
        _check_nodes(orvanta, steps)
        data = {each.side.name: each.record(steps) for each in measured}
    if len(measured) < 2:
        return outcome(bar, options, f"{measured[0].samples.median:.3f} s alone", data, notes)
    own, theirs = (each.samples.median for each in measured)
    ratio = own / theirs
    compared = f"{ratio:.2f} × ({own * 1000:.1f} ms to {theirs * 1000:.1f} ms)"
    return outcome(bar, options, compared, {"ratio": round(ratio, 3), **data}, notes)


def measure_orvanta(orvanta: Installation, steps: int, *, dedicated: bool) -> Side:
    """Deploy the chain, and return the platform as a side of a comparison."""
    status, answer = orvanta.deploy(CHAIN_PATH, chain(steps, dedicated=dedicated))
    assert status == 201, answer
    with start(orvanta.database) as database:
        about = {"dedicated": dedicated, "settings": orvanta.settings, "postgresql": settings_of(database)}
    return Side("ours", orvanta.base, orvanta.run(CHAIN_PATH, {}, FIB_10), orvanta.meter(), about)


def _check_nodes(orvanta: Installation, steps: int) -> None:
    """Check that every step of the last run was executed."""
    nodes = orvanta.newest_run(CHAIN_PATH)["nodes"]
    ended = [node for node in nodes if node["status"] == "succeeded" and node["attempt"] == 1]
    assert len(ended) == steps, nodes


def at_once(clients: list[Client], side: Side, each: int) -> float:
    """Return the seconds until every client has run `each` chains. Raises the errors of clients."""
    faults: list[BaseException] = []
    gate = threading.Barrier(len(clients) + 1)

    def work(client: Client) -> None:
        gate.wait()
        try:
            for _ in range(each):
                client.time(side.call)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if faults:
        raise faults[0]
    return seconds


def _steps(options: Options) -> int:
    return 5 if options.quick else STEPS
