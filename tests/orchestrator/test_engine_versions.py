"""Runs of a newer engine version: this process does not step them, and refuses requests for them."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job

from orvanta_platform.engine.state import ENGINE_VERSION, StateTooNew
from orvanta_platform.orchestrator.advance import advance, advance_all
from orvanta_platform.orchestrator.force_fail import ERROR
from orvanta_platform.services.runs import restart as restarting
from orvanta_platform.services.runs.restart import RestartRequest
from orvanta_platform.services.runs.start import RunOptions

NEWER = b"\x01" + msgspec.msgpack.encode([ENGINE_VERSION + 1, "of another kind"])


async def test_run_of_newer_engine_is_not_stepped(core: CoreHarness) -> None:
    run = await core.start(job("a"))
    await core.run("UPDATE run_live SET engine_version = $2 WHERE id = $1", run, ENGINE_VERSION + 1)
    await core.run("INSERT INTO inbox (run, event) VALUES ($1, $2)", run, json.dumps({"type": "cancel", "force": True}))
    with pytest.raises(StateTooNew) as raised:
        await advance(core.platform.tools, run)
    assert (raised.value.code, raised.value.status, bool(raised.value.hint)) == ("state_too_new", 503, True)
    for _ in range(5):
        await advance_all(core.platform.tools, [run])
    assert not await core.rows("SELECT FROM run WHERE id = $1 OR error_name = $2", run, ERROR)
    await core.run("UPDATE run_live SET engine_version = 1 WHERE id = $1", run)
    await advance(core.platform.tools, run)
    assert (await core.ended(run))["status"] == "cancelled"


async def test_run_of_newer_engine_is_not_restarted(core: CoreHarness) -> None:
    run = await core.start(job("a"), job("b", "a"))
    worker = await core.worker()
    for _ in range(2):
        await worker.finish((await worker.claim())[0], 1)
    await core.ended(run)
    await core.run("UPDATE run SET state = $2 WHERE id = $1", run, NEWER)
    with pytest.raises(StateTooNew):
        await restarting.restart(core.platform, ACTOR, WORKSPACE, run, RestartRequest([("b", None)]), RunOptions())


async def test_run_of_older_engine_is_restarted(core: CoreHarness) -> None:
    """The old state is read as it was written; the new run has the version that its workflow needs."""
    run = await core.start(job("a"), job("b", "a"))
    worker = await core.worker()
    for _ in range(2):
        await worker.finish((await worker.claim())[0], 1)
    assert (await core.ended(run))["engine_version"] == 1 < ENGINE_VERSION
    again = await restarting.restart(core.platform, ACTOR, WORKSPACE, run, RestartRequest([("b", None)]), RunOptions())
    assert set(await core.live(again)) == {"b"}
