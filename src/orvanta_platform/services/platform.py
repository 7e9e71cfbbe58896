"""Process-wide dependencies of all services: database, notifications, storage, settings and keys."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit
from uuid import UUID

from msgspec.structs import replace

from orvanta_platform.control import keys as instance_keys
from orvanta_platform.control.instance_settings import InstanceSettings
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.rates import Rate
from orvanta_platform.db import migrate
from orvanta_platform.db.notify import Listener, Notifier
from orvanta_platform.db.polls import Polls
from orvanta_platform.db.pool import Database
from orvanta_platform.db.workspaces import Health
from orvanta_platform.errors import SettingsError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.measurements import Measurements
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.orchestrator.blueprints import Blueprints
from orvanta_platform.orchestrator.decision_batches import DecidableReads, DecisionCommits
from orvanta_platform.orchestrator.parsed_workflows import ParsedWorkflows
from orvanta_platform.orchestrator.recent_results import RecentResults
from orvanta_platform.orchestrator.run_starts import RunStarts
from orvanta_platform.orchestrator.sizes import Sizes
from orvanta_platform.services.shared_reads import SharedReads
from orvanta_platform.services.turns import Turns
from orvanta_platform.settings import Settings
from orvanta_platform.storage import Storage
from orvanta_platform.storage.local import LocalStorage
from orvanta_platform.tracing import Spans
from orvanta_platform.workflow.policies.policy import Policy

PROBES_AT_ONCE = 3
"""Maximum number of repositories whose branches one process reads concurrently."""

RequestKind: TypeAlias = Literal["promotion", "rollback"]
"""Kind of the request that deploys a release."""


@dataclass(slots=True)
class DatabaseCheck:
    """Last check of the database, which `readiness` shares between concurrent callers."""

    obstacle: str | None = None
    at: float = float("-inf")
    health: Health | None = None
    health_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Platform:
    """Dependencies of one process. Created by `open_platform`, closed by `close`."""

    db: Database
    notify: Notifier
    listen: Listener
    storage: Storage
    settings: Settings
    keys: InstanceKeys
    blueprints: Blueprints = field(default_factory=Blueprints)
    evaluator: Evaluator = field(default_factory=Evaluator)
    feeds: dict[UUID, Any] = field(default_factory=dict)
    """Feeds of the runs watched in this process, by run id (`run_feed`)."""

    route_secrets: OrderedDict[tuple[UUID, str], tuple[float, Any]] = field(default_factory=OrderedDict)
    """Recently opened secrets of HTTP triggers (`route_calls.RouteSecrets`)."""

    identity_providers: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Configuration and client of OpenID providers by name (`single_sign_on`)."""

    test_outcomes: OrderedDict[tuple[str, str, str], bool] = field(default_factory=OrderedDict)
    """Outcomes of tests of released workflows, by path and digest of the document and hash of the test."""

    parsed_workflows: ParsedWorkflows = field(default_factory=ParsedWorkflows)
    """Workflows of change sets that were compared recently."""

    incoming_changes: RecentResults = field(default_factory=RecentResults)
    """Changes of repositories that were read recently (`git.incoming_changes`)."""

    run_limits: dict[str, Any] = field(default_factory=dict)
    """Room for new runs by workspace (`run_limits.Room`)."""

    turns: Turns = field(default_factory=Turns)
    """Change sets and archives of this process."""
    git_probes: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PROBES_AT_ONCE))
    """Children that read the branches of repositories."""
    database_check: DatabaseCheck = field(default_factory=DatabaseCheck)
    alert_rate: Rate = field(default_factory=lambda: Rate(1, burst=30))
    """Limiter of the alerts that members can cause to begin, by kind and workspace."""

    change_set_policies: dict[str, tuple[Policy, ...]] | None = None
    """Policies by workspace that a change set has read in its transaction; None: each deployment reads them."""

    direct_deploys_checked: bool = False
    """True in the transaction of a change set, which checks once whether the environment refuses direct deploys."""

    deployment: RequestKind | None = None
    """Kind of the deployment whose transaction this is; None: it is none.

    The schedules and HTTP triggers that a deployment changes keep their owners. The settings of the scripts of a
    rollback were valid when their release ran.
    """

    instance: InstanceSettings = field(init=False)
    """Settings that superadmins change while the platform runs."""

    spans: Spans | None = field(init=False)
    """Spans of runs that wait to be exported; None: traces are off."""

    tools: Tools = field(init=False)
    """Process-wide dependencies of a step."""

    reads: SharedReads = field(init=False)
    """Reads of tokens and versions that concurrent calls share."""

    polls: Polls = field(init=False)
    """Polls of the daemons of this process."""

    starts: RunStarts = field(init=False)
    """Inserts the runs that concurrent calls start."""

    decidable: DecidableReads = field(init=False)
    """Reads the runs that concurrent calls decide about."""

    decisions: DecisionCommits = field(init=False)
    """Writes the decisions of concurrent calls."""

    def __post_init__(self) -> None:
        tools = Tools(self.db, self.storage, self.blueprints, self.notify, self.keys, self.evaluator)
        grace_s = self.settings.cancel_grace_ms / 1000
        tools = replace(tools, sizes=Sizes(self.settings.result_limit), cancel_grace_s=grace_s)
        object.__setattr__(self, "tools", tools)
        object.__setattr__(self, "reads", SharedReads())
        object.__setattr__(self, "polls", Polls(self.db, is_notified=lambda: self.listen.hears))
        starts = RunStarts(self.db, self.notify, self.keys, beat_s=self.settings.beat_ms / 1000)
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "decidable", DecidableReads(self.db))
        object.__setattr__(self, "decisions", DecisionCommits(self.db))
        spans = None if self.settings.otlp_endpoint is None else Spans(self.measurements.spans)
        object.__setattr__(self, "spans", spans)
        object.__setattr__(self, "instance", InstanceSettings(self.db, self.keys, self.settings))

    @property
    def in_change_set(self) -> bool:
        """Return whether calls are part of the transaction of a change set."""
        return self.change_set_policies is not None

    @property
    def measurements(self) -> Measurements:
        """Measurements of this process."""
        return self.db.measurements

    async def close(self) -> None:
        """Flush pending notifications, stop the evaluator and close all connections."""
        for feed in [*self.feeds.values()]:
            await feed.close()
        await self.evaluator.close()
        await self.starts.close()
        await self.decidable.close()
        await self.decisions.close()
        await self.notify.flush()
        await self.listen.close()
        await self.db.close()


async def open_platform(
    settings: Settings,
    *,
    connections: int = 8,
    by_index: bool = False,
    statement_timeout_ms: int | None = None,
    idle_transaction_timeout_ms: int | None = None,
    evaluator: Evaluator | None = None,
) -> Platform:
    """Connect to the database and check its schema.

    `by_index` and the timeouts are passed to `Database.connect`. The platform then owns `evaluator`. Raises
    DatabaseUnavailable, DatabaseTooOld, SchemaTooNew, SettingsError.
    """
    if settings.database_url is None:
        raise SettingsError(
            "DATABASE_URL is not set.",
            hint="Start everything with `orvanta up`, or set DATABASE_URL.",
        )
    database = await Database.connect(
        settings.database_url,
        direct_url=settings.database_direct_url,
        max_size=connections,
        by_index=by_index,
        statement_timeout_ms=statement_timeout_ms,
        idle_transaction_timeout_ms=idle_transaction_timeout_ms,
    )
    try:
        return await create_platform(database, settings, evaluator)
    except BaseException:
        await database.close()
        raise


async def create_platform(database: Database, settings: Settings, evaluator: Evaluator | None = None) -> Platform:
    """Create the platform on an open database; closing the platform closes it. Raises SchemaTooNew, SettingsError."""
    async with database.acquire() as connection:
        await migrate.check_schema(connection)
    listener = Listener(database)
    await listener.start()
    platform = Platform(
        db=database,
        notify=Notifier(listener),
        listen=listener,
        storage=open_storage(settings),
        settings=settings,
        keys=instance_keys.load(settings),
        evaluator=evaluator or Evaluator(),
    )
    platform.starts.borrow(listener)
    listener.report_activity(platform.polls.rouse)
    return platform


def open_storage(settings: Settings) -> Storage:
    """Open the object storage configured in the settings. Raises SettingsError for an invalid URL."""
    url = settings.object_storage_url
    if url is None:
        return LocalStorage(settings.home / "objects")
    if url.startswith("file://"):
        return LocalStorage(Path(unquote(urlsplit(url).path)))
    # Imported here because the client for remote stores is large and not needed for local storage.
    from orvanta_platform.storage.remote import connect

    return connect(url)
