"""The worker's runtimes: takes a job's specification, runs it in a cell, gives its outcome."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from orvanta_platform.sandbox import cgroups, filesystem, isolation, network
from orvanta_platform.sandbox.isolation import IsolationReport, Mode
from orvanta_platform.sandbox.plan import Level, Plan
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, LogSink
from orvanta_platform.worker.runtimes.cells import PYTHON, Cell, SandboxUnavailable, Zygote
from orvanta_platform.worker.runtimes.execution import Execution, Placement

HOSTS = {
    "python3": "orvanta_platform.worker.runtimes.python.host",
    "bash": "orvanta_platform.worker.runtimes.bash.host",
}
# Languages whose result may be the last line of stdout, which must then be told from stderr.
_SEPARATE_OUTPUT = {"bash"}
_SPARES = 2
_TRIES = 4
_CLOSE_S = 10.0
_FOLDERS = "orvanta-jobs-"
# A job that starts is not made to wait for the cell of the next one.
_FILL_AFTER_S = 0.01


class Runtimes:
    """Everything that executes jobs in one worker process; owned by one event loop.

    `home` is the platform's folder: it is hidden from jobs, as are the paths `hidden`; `home/sandbox` is used
    as a mount point. Call `start` first, from the thread that lives as long as the worker.
    """

    def __init__(self, home: Path, hidden: list[Path], mode: Mode = "auto") -> None:
        self._home = home.absolute()
        self._hidden = hidden
        self._mode = mode
        self._plan = Plan("none", "/")
        self._zygote: Zygote | None = None
        self._groups = cgroups.Groups({})
        self._folders: Path | None = None
        self._own_uids = False
        self._cells: set[Cell] = set()
        self._spares: list[Cell] = []
        self._filling: asyncio.Task[None] | None = None
        self._clearing: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._discarded = asyncio.Event()
        self._kills = 0
        self._closed = False
        self._report = IsolationReport("none", ["The runtimes are not started."], None)

    async def start(self) -> None:
        """Find the best isolation level that the mode and this machine allow, and warm up.

        Raises SandboxUnavailable where there is none; its hint says what to do.
        """
        self._groups = cgroups.Groups(cgroups.find())
        self._groups.remove_stale()
        _remove_stale_folders()
        reasons: list[str] = []
        for level in isolation.candidates(self._mode):
            try:
                await self._try(level)
            except SandboxUnavailable as error:
                reasons.append(f"Level {level} is not possible: {error.message}.")
                continue
            self._report = isolation.report(level, self._groups.kinds, reasons, self._further(level))
            self._fill()
            return
        await self.close()
        raise SandboxUnavailable(
            f"isolation {self._mode} is not possible here: {' '.join(reasons)}",
            hint="orvanta doctor says what each level needs; ORVANTA_ISOLATION=auto takes the best there is",
        )

    async def _try(self, level: Level) -> None:
        self._plan = self._make_plan(level)
        self._zygote = zygote = Zygote(self._plan)
        await zygote.start()
        try:
            self._spares.append(await self._spawn(zygote))
        except SandboxUnavailable:
            zygote.close()
            raise

    def _make_plan(self, level: Level) -> Plan:
        root = self._home / "sandbox"
        root.mkdir(parents=True, exist_ok=True)
        visible = sorted({sys.base_prefix, str(Path(PYTHON).parents[1])})
        hidden = [str(path.absolute()) for path in (self._home, *self._hidden)]
        return Plan(level, str(root), visible, hidden, HOSTS)

    def _further(self, level: Level) -> list[str]:
        further = []
        self._own_uids = level == "full" or (level == "landlock" and os.geteuid() == 0 and self._readable_by_all())
        if level == "landlock" and os.geteuid() == 0 and not self._own_uids:
            further.append(isolation.SHARED_UID)
        try:
            if not self._own_uids:
                raise PermissionError
            network.refuse_link_local()
        except OSError:
            further.append(isolation.NO_PACKET_FILTER)
        return further

    def _readable_by_all(self) -> bool:
        paths = [Path(path) for path in self._plan.visible]
        return all(folder.stat().st_mode & 0o001 for path in paths for folder in (path, *path.parents))

    @property
    def isolation(self) -> IsolationReport:
        """The level in force, what is missing, how to get it; known after `start`."""
        return self._report

    @property
    def zygote_pid(self) -> int | None:
        """The process that all jobs are forked from; None before `start` and after `close`."""
        return self._zygote.pid if self._zygote else None

    async def settle(self) -> None:
        """Wait until what ended jobs left is cleared away and the cells made ahead are ready."""
        while self._clearing or (self._filling is not None and not self._filling.done()):
            filling = {self._filling} if self._filling is not None else set()
            await asyncio.wait({*self._clearing, *filling})

    async def run(self, spec: JobSpec, log: LogSink, cancelled: asyncio.Event) -> JobOutcome:
        """Run one job to its end. Never raises for what the job does.

        Its output goes to `log` while it runs; setting `cancelled` kills it. At most one job of a slot number
        at a time.
        """
        if spec.language not in HOSTS:
            return _failed("NoRuntime", f"no runtime for language {spec.language}")
        kills = self._kills
        for _ in range(_TRIES):
            try:
                cell = await self._take()
            except SandboxUnavailable as error:
                return _failed("SandboxUnavailable", error.message)
            outcome = await self._run_in(cell, spec, log, cancelled)
            # A cell made ahead may have died unnoticed, with a zygote that was killed.
            lost = outcome.error is not None and outcome.error.name == "SandboxLost" and not outcome.started
            if not lost or kills != self._kills:
                break
        return outcome

    async def _run_in(self, cell: Cell, spec: JobSpec, log: LogSink, cancelled: asyncio.Event) -> JobOutcome:
        placement: Placement | None = None
        try:
            placement = self._place(spec, cell)
            if cell.group is not None:
                cell.group.limit(spec.limits.memory_bytes, spec.limits.processes)
            asyncio.get_running_loop().call_later(_FILL_AFTER_S, self._fill)
            return await Execution(cell, spec, log, placement).run(cancelled)
        finally:
            cell.kill()
            clearing = asyncio.ensure_future(self._clear(cell, placement))
            self._clearing.add(clearing)
            clearing.add_done_callback(self._clearing.discard)

    def _place(self, spec: JobSpec, cell: Cell) -> Placement:
        uid = network.FIRST_UID + spec.slot if self._own_uids else None
        separate = spec.language in _SEPARATE_OUTPUT
        if self._plan.namespaces:
            return Placement(filesystem.JOB_FOLDER, "/tmp", uid, separate)
        if self._folders is None:
            self._folders = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-"))
            self._folders.chmod(0o711)
        folder = self._folders / str(cell.number)
        for path in (folder, folder / "tmp"):
            path.mkdir(mode=0o700)
            if uid is not None:
                os.chown(path, uid, uid)
        return Placement(str(folder), str(folder / "tmp"), uid, separate)

    async def _clear(self, cell: Cell, placement: Placement | None) -> None:
        await cell.gone()
        self._discard(cell)
        self._fill()
        if placement is not None and not self._plan.namespaces:
            await asyncio.to_thread(shutil.rmtree, placement.folder, ignore_errors=True)

    def _discard(self, cell: Cell) -> None:
        self._cells.discard(cell)
        self._discarded.set()
        cell.close()
        if cell.group is not None:
            self._groups.give_back(cell.group)

    async def _take(self) -> Cell:
        """A confined cell that waits: one made ahead if there is one."""
        while self._spares:
            cell = self._spares.pop()
            if cell.usable:
                return cell
            self._discard(cell)
        return await self._spawn(await self._living_zygote())

    async def _living_zygote(self) -> Zygote:
        async with self._starting:
            if self._zygote is None or not self._zygote.alive:
                self._zygote = Zygote(self._plan)
                await self._zygote.start()
            return self._zygote

    async def _spawn(self, zygote: Zygote) -> Cell:
        group = self._groups.take()
        try:
            cell = await zygote.spawn(group)
        except BaseException:
            if group is not None:
                self._groups.give_back(group)
            raise
        self._cells.add(cell)
        return cell

    def _fill(self) -> None:
        """Have cells made ahead, beside what else is done."""
        if not self._closed and (self._filling is None or self._filling.done()):
            self._filling = asyncio.ensure_future(self._make_spares())

    async def _make_spares(self) -> None:
        with contextlib.suppress(SandboxUnavailable):
            while len(self._spares) < _SPARES:
                self._spares.append(await self._spawn(await self._living_zygote()))

    def kill_all(self) -> None:
        """Kill every job's processes at once, also where the zygote is stopped. Their `run` returns."""
        self._kills += 1
        for cell in self._cells.difference(self._spares):
            cell.kill()

    async def close(self) -> None:
        """Kill every process tree, end the zygote, remove what was made for them. Final."""
        self._closed = True
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        self.kill_all()
        with contextlib.suppress(TimeoutError):  # of a log that takes nothing any more
            async with asyncio.timeout(_CLOSE_S):
                while self._cells.difference(self._spares):
                    self._discarded.clear()
                    await self._discarded.wait()
        await asyncio.gather(*self._clearing, return_exceptions=True)
        for cell in self._spares:
            cell.kill()
            await cell.gone()
            self._discard(cell)
        self._spares = []
        if self._zygote is not None:
            self._zygote.close()
        self._groups.close()
        if self._folders is not None:
            shutil.rmtree(self._folders, ignore_errors=True)


def _remove_stale_folders() -> None:
    """Remove what workers that were killed left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*-*"):
        if not Path("/proc", folder.name.split("-")[2]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _failed(name: str, message: str) -> JobOutcome:
    return JobOutcome(None, JobError(name, message), 0, started=False)
