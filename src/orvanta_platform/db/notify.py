"""Wake-ups between processes: changed topics, sent after the commit.

A topic is a short string: `queues`, `queue:<name>`, `run:<id>` (progress), `ended:<id>`, `job:<id>` (output),
`cancel`, `timer`, `assigned:<worker>`, `lent:<server>`; waiters use `jobs:<prefix>` for every `job:` of one
millisecond. A waiter registers, then reads the state, then waits, and reads again after its timeout at the latest: a
lost notification causes a delay, never a wrong result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

import structlog

from orvanta_platform.db.pool import CONNECTION_LOST, Connection, Database
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("schema")

CHANNEL = "orvanta"
EVERYTHING = "*"

RECONNECTED = "reconnected"
"""Topic that changes when the listener has connected again: another server of the database may have taken over."""

_MAX_PAYLOAD = 7900
_MAX_PAYLOADS = 8
_GAP_S = 0.005
_PROGRESS_S = 0.2
_RECONNECT_S = 0.25
_SELF_TEST_S = 2.0
_FLUSH_S = 5.0

_NO_NOTIFICATIONS = (
    "Runs start and end with delays, because processes poll instead. Set DATABASE_DIRECT_URL to the database itself if "
    "DATABASE_URL is a pooler."
)

log = structlog.get_logger(__name__)


def jobs_topic(run: UUID | str) -> str:
    """Return the topic for waiters on all jobs of a run: output of any job of that millisecond."""
    return f"jobs:{str(run)[:13]}"


class Watch:
    """A registered waiter. `wait` returns True if one of its topics changed since the last wait."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self.message: str | None = None
        """The last message about one of its topics."""

    def set(self) -> None:
        """Record a change of one of its topics."""
        self._changed.set()

    @property
    def is_set(self) -> bool:
        """True if one of its topics changed since the last wait."""
        return self._changed.is_set()

    async def wait(self, timeout_s: float | None) -> bool:
        """Wait for a change, at most `timeout_s` seconds (None: without a limit), and reset the waiter."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True


class Listener:
    """One permanent LISTEN connection of a process; after a reconnect all topics count as changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.measurements = database.measurements
        self._watches: dict[str, set[Watch]] = {}
        self._receivers: dict[str, Callable[[str], None]] = {}
        self.waiters = 0
        """Number of waiters in this process."""
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self.hears = False
        """True if the open connection has received a notification."""
        self._on_activity: Callable[[], None] | None = None

    async def start(self) -> None:
        """Connect and listen; log a warning if notifications do not arrive. Raises if the first connection fails."""
        await self._connect()
        self._task = asyncio.create_task(self._stay_connected(), name="listener")
        if not await self._receives():
            log.warning("notifications do not arrive", action="listener_self_test", hint=_NO_NOTIFICATIONS)

    async def _receives(self) -> bool:
        """Return whether a notification of another connection arrives. A transaction pooler discards it."""
        topic = f"test:{uuid4()}"
        with self.watch(topic) as watch:
            try:
                async with self._database.acquire() as connection:
                    await connection.execute(_SQL["notify"], CHANNEL, [topic])
            except CONNECTION_LOST:
                return True  # not tested: the listener and the pool reconnect
            return await watch.wait(_SELF_TEST_S)

    async def close(self) -> None:
        """Stop listening. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._connection is not None:
            with suppress(*CONNECTION_LOST, TimeoutError):
                await self._connection.close(timeout=1)
            self._connection = None

    @contextmanager
    def watch(self, *topics: str) -> Iterator[Watch]:
        """Register a waiter for `topics` while the block runs."""
        watch = Watch()
        for topic in topics:
            self._watches.setdefault(topic, set()).add(watch)
        self.waiters += 1
        try:
            yield watch
        finally:
            self.waiters -= 1
            for topic in topics:
                registered = self._watches[topic]
                registered.discard(watch)
                if not registered:
                    del self._watches[topic]

    def receive(self, topic: str, receiver: Callable[[str], None]) -> None:
        """Pass all messages about the topic to `receiver`, in their order."""
        self._receivers[topic] = receiver

    def report_activity(self, receiver: Callable[[], None]) -> None:
        """Call `receiver` for each notification, whatever it is about."""
        self._on_activity = receiver

    def wake(self, topics: list[str]) -> None:
        """Wake the waiters of `topics` (`*`: all) in this process. A topic may be followed by a tab and a message."""
        if EVERYTHING in topics:
            topics = [*(topic for topic in topics if "\t" in topic), *self._watches]
        for line in topics:
            topic, _, message = line.partition("\t")
            if message and (receiver := self._receivers.get(topic)) is not None:
                receiver(message)
            for watch in self._watches.get(topic, ()):
                if message:
                    watch.message = message
                watch.set()
            if topic.startswith("job:"):
                for watch in self._watches.get(jobs_topic(topic[4:]), ()):
                    watch.set()

    @property
    def connection(self) -> Connection | None:
        """The connection if it is open; the notifier sends over it."""
        return self._connection

    def abandon(self, connection: Connection) -> None:
        """Replace the connection, which a statement has lost, unless that has been done.

        The driver reports no loss if the statement began between the last message of the server and the end of the
        connection.
        """
        current = self._connection
        if current is not None and current is connection:
            current.terminate()
            self._on_close(current)

    def _on_notification(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self.hears = True
        if self._on_activity is not None:
            self._on_activity()
        self.wake(str(payload).split("\n"))

    def _on_close(self, _connection: Any) -> None:
        self.hears = False
        self._lost.set()

    async def _connect(self) -> None:
        connection = await self._database.direct()
        try:
            self._lost.clear()
            connection.add_termination_listener(self._on_close)
            await connection.add_listener(CHANNEL, self._on_notification)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        if connection.is_closed():  # closed before the listener was added
            self._lost.set()

    async def _stay_connected(self) -> None:
        while True:
            await self._lost.wait()
            self._connection = None
            try:
                await self._connect()
            except Exception as error:  # whatever the reason is: nothing else restarts this task
                self._lost.set()
                log.warning("listener cannot reconnect", action="listener_reconnect", error=repr(error))
                await asyncio.sleep(_RECONNECT_S)
                continue
            self.wake([EVERYTHING])


class Notifier:
    """Sends topics: the first immediately, then collected ones at most once in 5 ms.

    Progress of a run is sent with its end or every 200 ms: no waiter needs single steps faster, and a
    notification per step would cost more than the step's write.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._topics: set[str] = set()
        self._messages: dict[str, str] = {}
        self._moved: set[UUID] = set()
        self._task: asyncio.Task[None] | None = None
        self._later: asyncio.Task[None] | None = None

    def send(self, *topics: str) -> None:
        """Notify all processes that these topics changed. Must be called after the commit."""
        self._topics.update(topics)
        if self._topics and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._drain(), name="notifier")

    def queue(self, *names: str, borrower: str | None = None) -> None:
        """Announce jobs in these queues; `queues` wakes workers that serve all of them.

        `borrower`: the server that could have assigned the job to a worker, and to which workers may lend slots.
        """
        topics = ["queues", *(f"queue:{name}" for name in names)] if names else []
        if borrower is not None:
            self._messages |= dict.fromkeys(topics, borrower)
        self.send(*topics)

    def lend(self, server: str, grant: str, *, at_once: bool) -> None:
        """Tell a server how many slots of this worker it may use.

        `at_once`: otherwise the message is sent with the next topics.
        """
        topic = f"lent:{server}"
        self._messages[topic] = grant
        self._topics.add(topic)
        if at_once:
            self.send()

    def run_changed(self, run: UUID) -> None:
        """Announce that a node of the run ended."""
        self._moved.add(run)
        if self._later is None or self._later.done():
            self._later = asyncio.create_task(self._send_progress(), name="notifier progress")

    def run_ended(self, run: UUID, message: str | None = None) -> None:
        """Announce the end of the run to everything that waits for its result, and count it later.

        The `message` is for those who wait for the end. Others, and those that miss it, read the result.
        """
        if message is not None:
            self._messages[f"ended:{run}"] = message
        self._listener.measurements.ended.add(run)
        self._moved.discard(run)
        self.send(f"run:{run}", f"ended:{run}")

    def log(self, job: UUID) -> None:
        """Announce output of the job."""
        self.send(f"job:{job}")

    def cancelled(self, run: UUID) -> None:
        """Announce the cancellation of the run to its workers."""
        self.send("cancel", f"run:{run}")

    async def flush(self) -> None:
        """Wait until all topics so far have been sent, at most 5 s; those that were not are lost."""
        self._send_moved()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_FLUSH_S)
            self._task.cancel()
        if self._later is not None:
            self._later.cancel()

    async def _send_progress(self) -> None:
        while self._moved:
            await asyncio.sleep(_PROGRESS_S)
            self._send_moved()

    def _send_moved(self) -> None:
        moved, self._moved = self._moved, set()
        self.send(*(f"run:{run}" for run in moved))

    async def _drain(self) -> None:
        while self._topics:
            topics, self._topics = self._topics, set()
            messages, self._messages = self._messages, {}
            await self._send(payloads(topics, messages))
            await asyncio.sleep(_GAP_S)

    async def _send(self, payloads: Sequence[str]) -> None:
        connection = self._listener.connection
        if connection is None:
            return
        try:
            await connection.execute(_SQL["notify"], CHANNEL, payloads)
        except CONNECTION_LOST as error:
            log.debug("notification lost", action="notify", error=str(error))
            self._listener.abandon(connection)


def payloads(topics: Iterable[str], messages: Mapping[str, str]) -> list[str]:
    """Return the payloads of these topics, each one a line; too many of them become `*`.

    Messages about topics are sent before the topics themselves. Those that do not fit are left out.
    """
    text = "\n".join(sorted(topics))
    found = [text if len(text) <= _MAX_PAYLOAD else EVERYTHING]
    for topic, message in messages.items():
        line = f"{topic}\t{message}"
        if len(found[0]) + len(line) < _MAX_PAYLOAD:
            found[0] = f"{line}\n{found[0]}"
        elif len(line) <= _MAX_PAYLOAD and len(found) < _MAX_PAYLOADS:
            found.insert(0, line)
    return found


class DeferredNotifier(Notifier):
    """Collects the topics of a transaction, to be sent after its commit."""

    def __init__(self, notifier: Notifier) -> None:
        super().__init__(notifier._listener)
        self._target = notifier
        self._collected: list[str] = []

    def send(self, *topics: str) -> None:
        """Collect topics."""
        self._collected += topics

    def run_changed(self, run: UUID) -> None:
        """Collect the progress of a run."""
        self._collected.append(f"run:{run}")

    def clear(self) -> None:
        """Drop the topics of a transaction that is repeated."""
        self._collected.clear()

    def release(self) -> None:
        """Send the topics. Must be called after the commit."""
        self._target.send(*self._collected)
        self._collected.clear()
