"""The worker's runtimes: runs the job of a specification in a cell and returns its outcome."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from orvanta_platform.sandbox import cgroups, filesystem, isolation, landlock, network
from orvanta_platform.sandbox.isolation import IsolationReport, Mode
from orvanta_platform.sandbox.plan import Level, Plan
from orvanta_platform.worker import package_indexes
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, LogSink
from orvanta_platform.worker.runtimes import environment, pythons, registry
from orvanta_platform.worker.runtimes.builds import Builds, builder_of
from orvanta_platform.worker.runtimes.cells import Cell, SandboxKilled, SandboxUnavailable, Zygote
from orvanta_platform.worker.runtimes.execution import Execution, Placement
from orvanta_platform.worker.runtimes.exit_status import checked
from orvanta_platform.worker.runtimes.manifest import Runtime
from orvanta_platform.worker.runtimes.process_pool import ProcessPool
from orvanta_platform.worker.runtimes.pythons import Interpreter
from orvanta_platform.worker.runtimes.spares import SpareCells
from orvanta_platform.worker.runtimes.watch import Watch
from orvanta_platform.workflow.requirements import wanted_python

COMPILER = "python3 bytecode"
"""Language name of the host that compiles imported Python scripts."""

OWN = {
    "dependencies": Runtime(languages=("dependencies",), host="orvanta_platform.worker.packages.host"),
    COMPILER: Runtime(languages=(COMPILER,), host="orvanta_platform.worker.packages.bytecode"),
    **{
        builder_of(language): Runtime(languages=(builder_of(language),), host=each.build.host, program=each.program)
        for language, each in registry.BY_LANGUAGE.items()
        if each.build is not None
    },
}
"""Internal runtimes of the platform, by language name. No script may use these names."""

# User numbers of dedicated processes start after those of the slots.
_FIRST_DEDICATED = 1000
# Numbers of users between those of the dedicated processes of two interpreters.
_USERS = 5000
# Number of jobs after which a cell is replaced instead of renewed.
_MAX_JOBS = 1000
_TRIES = 4
_CLOSE_S = 10.0
_PYTHON = "python3"
_OF_PYTHON = (_PYTHON, "dependencies")
_FOLDERS = "orvanta-jobs-"


NO_NETWORK = "The group of this worker has no network: run this in a group that has one."
"""Message of the error `no_network` of jobs that consist of a connection."""


class NoInterpreter(Exception):
    """Raised if no interpreter on this machine has the version of Python that a script asks for."""


class Runtimes:
    """Executor of all jobs of one worker process; owned by one event loop.

    Call `start` first, from the thread that lives as long as the worker.
    """

    def __init__(
        self,
        home: Path,
        hidden: list[Path],
        mode: Mode = "auto",
        *,
        max_idle_processes: int = 8,
        job_ports: Sequence[int] | None = (),
        python_paths: tuple[str, ...] = (),
        interpreter: Interpreter = pythons.OWN,
    ) -> None:
        """Create the runtimes.

        `home` is the platform's folder. It is hidden from jobs, as are the paths in `hidden`; `home/sandbox` is used
        as a mount point. Folders that jobs may read are below `packages` (JobSpec.package, JobSpec.imports), those that
        they write below `staging`. At most `max_idle_processes` dedicated processes wait for further jobs. Jobs may
        listen on `job_ports` by number (None: on any port). Scripts may ask for the interpreters `python_paths`; all
        others run in `interpreter`.
        """
        self._home = home.absolute()
        self._hidden = hidden
        self._mode = mode
        self._job_ports = None if job_ports is None else list(job_ports)
        self._runtimes = registry.BY_LANGUAGE | OWN
        self.interpreter = interpreter
        self._python_paths = python_paths
        self._others: dict[str, Runtimes] = {}
        self._first_dedicated = _FIRST_DEDICATED
        self.packages = self._home / "packages"
        self._plan = Plan("none", "/")
        self._zygote: Zygote | None = None
        self._groups = cgroups.Groups({})
        self._folders: Path | None = None
        self._own_uids = False
        self._cells: set[Cell] = set()
        self._clearing: set[asyncio.Task[None]] = set()
        self._offline = self._was_offline = False
        self._spares = SpareCells(self._spawn, lambda cell: self._end(cell, None), self._is_current)
        self._watch = Watch()
        self._processes = ProcessPool(
            self._start_dedicated, self._end, self._watch, max_idle_processes, self._is_current
        )
        self._builds = Builds(self.packages, self.staging, self.run, self.make_output)
        self._starting = asyncio.Lock()
        self._starting_other = asyncio.Lock()
        self._max_idle_processes = max_idle_processes
        self._discarded = asyncio.Event()
        self._kills = 0
        self._closed = False
        self._report = IsolationReport("none", ["The runtimes are not started."], None)

    async def start(self) -> None:
        """Select the best isolation level that the mode and this machine allow, and make the first cells.

        Raises SandboxUnavailable if no level is possible; its hint names the remedy.
        """
        if self.interpreter is pythons.OWN:
            self._groups = cgroups.Groups(cgroups.find())
            self._groups.remove_stale()
            _remove_stale_folders()
        reasons: list[str] = []
        for level in isolation.candidates(self._mode):
            try:
                await self._start_at_level(level)
            except SandboxUnavailable as error:
                reasons.append(f"Level {level} is not possible: {error.message}.")
                continue
            self._report = isolation.report(level, self._groups.kinds, reasons, self._further_restrictions(level))
            self._spares.fill()
            return
        await self.close()
        raise SandboxUnavailable(
            f"isolation {self._mode} is not possible here: {' '.join(reasons)}",
            hint="`orvanta doctor` shows what each level needs; ORVANTA_ISOLATION=auto selects the best one available",
        )

    async def _start_at_level(self, level: Level) -> None:
        self._plan = self._make_plan(level)
        self._zygote = zygote = Zygote(self._plan, self.interpreter.path)
        await zygote.start()
        try:
            self._spares.add(await self._spawn())
        except SandboxUnavailable:
            zygote.close()
            raise

    def _make_plan(self, level: Level) -> Plan:
        root = self._home / "sandbox"
        for folder in (root, self.packages, self.staging):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)
        programs, modules = environment.programs(), environment.modules()
        own = {self.interpreter.prefix, str(Path(self.interpreter.path).parents[1])}
        visible = {*own, *package_indexes.named_files(os.environ)}
        if level == "landlock":
            visible |= {*programs.values(), *modules.values()}
        hidden = [str(path.absolute()) for path in (self._home, *self._hidden)]
        hosts = registry.hosts(self._runtimes)
        if self.interpreter is not pythons.OWN:
            hosts = {language: host for language, host in hosts.items() if language in _OF_PYTHON}
        folders = (str(root), sorted(visible), hidden, hosts, str(self.packages), modules, programs)
        return Plan(level, *folders, self._job_ports)

    def _further_restrictions(self, level: Level) -> list[str]:
        further = [isolation.NO_PORT_RULES] if level != "none" and landlock.version() < 4 else []
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
        paths = [*(Path(path) for path in self._plan.visible), self.packages]
        return all(_is_open(folder) for path in paths for folder in (path, *path.parents))

    @property
    def staging(self) -> Path:
        """Folder of the outputs that jobs write."""
        return self.packages / filesystem.STAGING

    def make_output(self, slot: int) -> str:
        """Make an empty folder for the output of a job in `slot` and return its name for JobSpec.output.

        The caller removes it after the job.
        """
        folder = Path(tempfile.mkdtemp(dir=self.staging))
        if self._own_uids:
            os.chown(folder, network.FIRST_UID + slot, network.FIRST_UID + slot)
        return folder.name

    def share_output(self, name: str) -> str:
        """Make a folder for the output of several jobs, if it is missing, and return its name for JobSpec.output."""
        folder = self.staging / name
        folder.mkdir(mode=0o777, exist_ok=True)
        folder.chmod(0o777)
        return name

    @property
    def isolation(self) -> IsolationReport:
        """The level in effect, its limitations and their remedies; set by `start`."""
        return self._report

    @property
    def offline(self) -> bool:
        """True if jobs have no network: neither their code nor the programs that install their packages."""
        return self._offline

    async def set_offline(self, offline: bool) -> None:
        """Run all further jobs without network, or with it again. Jobs that are running keep theirs.

        Raises SandboxUnavailable if jobs without network are not possible here; further jobs then fail with that error.
        """
        for other in self._others.values():
            other._offline = offline
        self._offline = offline
        if offline and not self._was_offline:
            self._spares.add(await self._spawn())
            self._was_offline = True

    def _is_current(self, cell: Cell) -> bool:
        return cell.offline is self._offline

    @property
    def zygote_pid(self) -> int | None:
        """Id of the process that all jobs are forked from; None before `start` and after `close`."""
        return self._zygote.pid if self._zygote else None

    async def settle(self) -> None:
        """Wait until finished jobs are cleaned up and the spare cells are ready."""
        for other in self._others.values():
            await other.settle()
        while self._clearing:
            await asyncio.wait(self._clearing)
        await self._spares.settle()

    async def of_script(self, language: str, content: str) -> Runtimes:
        """Return the runtimes with the version of Python that a script asks for: these, or others started when needed.

        Raises NoInterpreter, SandboxUnavailable.
        """
        wanted = wanted_python(content) if language == _PYTHON and self.interpreter is pythons.OWN else None
        if wanted is None:
            return self
        interpreter = await asyncio.to_thread(pythons.choose, wanted, self._python_paths)
        if interpreter is None:
            there = ", ".join(each.minor for each in reversed(pythons.installed(self._python_paths)))
            raise NoInterpreter(
                f"Python {wanted} is not installed on this worker, which has {there}: install it, or name its path in "
                "ORVANTA_PYTHONS"
            )
        if interpreter is pythons.OWN:
            return self
        async with self._starting_other:
            if interpreter.minor not in self._others:
                self._others[interpreter.minor] = await self._start_other(interpreter)
        return self._others[interpreter.minor]

    async def _start_other(self, interpreter: Interpreter) -> Runtimes:
        other = Runtimes(
            self._home,
            self._hidden,
            self._report.level,
            max_idle_processes=self._max_idle_processes,
            job_ports=self._job_ports,
            interpreter=interpreter,
        )
        other._groups = self._groups
        other._first_dedicated += _USERS * (len(self._others) + 1)
        await other.start()
        other._offline = self._offline
        if other._own_uids != self._own_uids:
            await other.close()
            raise SandboxUnavailable(
                f"jobs in Python {interpreter.minor} cannot have users of their own: {interpreter.prefix} is not "
                "readable for other users"
            )
        return other

    def must_build(self, spec: JobSpec) -> bool:
        """Return whether the script must be compiled before the job can run, which takes a while."""
        runtime = self._runtimes.get(spec.language)
        if runtime is None or runtime.build is None or runtime.missing() is not None:
            return False
        with contextlib.suppress(OSError):  # `run` reports the error
            return not self._builds.is_made(runtime.build, spec)
        return False

    async def run(self, spec: JobSpec, log: LogSink, cancelled: asyncio.Event) -> JobOutcome:
        """Run one job. Never raises an error of the job.

        Output goes to `log` while the job runs; setting `cancelled` kills it. A script of a compiled language is
        compiled first if needed, with a time limit of its own. At most one job of a slot number may run at a time.
        """
        if spec.language == _PYTHON:
            try:
                other = await self.of_script(spec.language, spec.content)
            except NoInterpreter as error:
                return _failed("no_runtime", str(error))
            except SandboxUnavailable as error:
                return _failed("SandboxUnavailable", error.message)
            if other is not self:
                return await other.run(spec, log, cancelled)
        runtime = self._runtimes.get(spec.language)
        missing = f"there is no runtime for {spec.language}" if runtime is None else runtime.missing()
        if runtime is None or missing is not None:
            return _failed("no_runtime", missing or "")
        if runtime.native is not None:
            if self._offline:
                return _failed("no_network", NO_NETWORK)
            return await checked(await runtime.native()(spec, log, cancelled))
        if runtime.build is not None:
            built = await self._builds.provide(runtime.build, spec, log, cancelled)
            if isinstance(built, JobOutcome):
                return built
            spec = replace(spec, package=built)
        for folder in (spec.package, spec.imports):
            if folder is not None and not _is_below(self.packages, folder):
                return _failed("PackageMissing", f"there is no package {folder}")
        reusable = spec.dedicated and runtime.dedicated and (spec.output is None or bool(spec.reserved_for))
        if spec.dedicated and not reusable:  # its process must not wait for further jobs
            spec = replace(spec, dedicated=False)
        kills = self._kills
        for _ in range(_TRIES):
            try:
                outcome = await (self._processes.run if reusable else self._run_once)(spec, log, cancelled)
            except SandboxKilled as error:
                outcome = replace(_failed("SandboxLost", error.message), lost=True)
            except SandboxUnavailable as error:
                return _failed("SandboxUnavailable", error.message)
            # A spare cell may have died unnoticed, together with a zygote that was killed: try another one.
            if not outcome.lost or outcome.started or kills != self._kills:
                break
        return outcome

    async def _run_once(self, spec: JobSpec, log: LogSink, cancelled: asyncio.Event) -> JobOutcome:
        cell, placement = await self._prepare(spec, spec.slot)
        execution = Execution(cell, spec, log, placement, self._watch)
        try:
            return await execution.run(cancelled)
        finally:
            if execution.is_clean and self._is_renewable(spec) and cell.jobs < _MAX_JOBS:
                self._run_in_background(self._spares.renew(cell))
            else:
                self._end(cell, placement)
            # The caller may remove the output only when no process can write to it any more.
            if spec.output is not None and not spec.shared:
                await asyncio.wait(self._clearing.copy())

    async def _start_dedicated(self, spec: JobSpec, number: int) -> tuple[Cell, Placement]:
        return await self._prepare(spec, self._first_dedicated + number)

    async def _prepare(self, spec: JobSpec, user: int) -> tuple[Cell, Placement]:
        """Take a cell for the job and set its limits. Raises SandboxUnavailable."""
        cell = await self._spares.take()
        placement: Placement | None = None
        try:
            placement = self._make_placement(spec, cell, user)
            if cell.group is not None:
                cell.group.limit(spec.limits.memory_bytes, spec.limits.processes)
        except BaseException:
            self._end(cell, placement)
            raise
        self._spares.fill_later(renewable=self._is_renewable(spec))
        return cell, placement

    def _is_renewable(self, spec: JobSpec) -> bool:
        """Return True if the cell is likely to be ready for another job soon after this one."""
        single_use = self._runtimes[spec.language].printed_result or spec.output is not None or spec.dedicated
        return self._plan.namespaces and not single_use

    def _run_in_background(self, work: Coroutine[Any, Any, None]) -> None:
        clearing = asyncio.ensure_future(work)
        self._clearing.add(clearing)
        clearing.add_done_callback(self._clearing.discard)

    def _end(self, cell: Cell, placement: Placement | None) -> None:
        """Kill the processes left by the job in the cell, and clean up when they are gone."""
        try:
            cell.kill()
        finally:
            self._run_in_background(self._clear(cell, placement))

    def _make_placement(self, spec: JobSpec, cell: Cell, user: int) -> Placement:
        uid = network.FIRST_UID + user if self._own_uids else None
        separate = self._runtimes[spec.language].printed_result
        programs = {name: self._plan.inside(path) for name, path in self._plan.programs.items()}
        if self._plan.namespaces:
            package = None if spec.package is None else filesystem.PACKAGE
            imports = None if spec.imports is None else filesystem.IMPORTS
            output = None if spec.output is None else filesystem.OUTPUT
            return Placement(filesystem.JOB_FOLDER, "/tmp", uid, separate, package, imports, output, programs)
        if self._folders is None:
            self._folders = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{os.getpid()}-"))
            self._folders.chmod(0o711)
        folder = self._folders / str(cell.number)
        for path in (folder, folder / "tmp"):
            path.mkdir(mode=0o700)
            if uid is not None:
                os.chown(path, uid, uid)
        package = None if spec.package is None else str(self.packages / spec.package)
        imports = None if spec.imports is None else str(self.packages / spec.imports)
        output = None if spec.output is None else str(self.staging / spec.output)
        return Placement(str(folder), str(folder / "tmp"), uid, separate, package, imports, output, programs)

    async def _clear(self, cell: Cell, placement: Placement | None) -> None:
        await cell.wait_ended()
        self._discard(cell)
        if placement is not None and not self._plan.namespaces:
            await asyncio.to_thread(shutil.rmtree, placement.folder, ignore_errors=True)

    def _discard(self, cell: Cell) -> None:
        self._cells.discard(cell)
        self._discarded.set()
        cell.close()
        if cell.group is not None:
            self._groups.give_back(cell.group)

    async def _running_zygote(self) -> Zygote:
        async with self._starting:
            if self._zygote is None or not self._zygote.alive:
                self._zygote = Zygote(self._plan, self.interpreter.path)
                await self._zygote.start()
            return self._zygote

    async def _spawn(self) -> Cell:
        zygote = await self._running_zygote()
        group = self._groups.take()
        try:
            cell = await zygote.spawn(group, offline=self._offline)
        except BaseException:
            if group is not None:
                self._groups.give_back(group)
            raise
        self._cells.add(cell)
        return cell

    def kill_all(self) -> None:
        """Kill the processes of all jobs immediately, even if the zygote is stopped. The calls of `run` return."""
        for other in self._others.values():
            other.kill_all()
        self._kills += 1
        for cell in self._cells.difference(self._spares.waiting):
            cell.kill()

    async def close(self) -> None:
        """Kill all process trees, end the zygote and remove its files. The runtimes cannot be started again."""
        for other in self._others.values():
            await other.close()
        self._closed = True
        await self._spares.close()
        self._processes.close()
        self.kill_all()
        with contextlib.suppress(TimeoutError):  # a log may block
            async with asyncio.timeout(_CLOSE_S):
                while self._cells.difference(self._spares.waiting):
                    self._discarded.clear()
                    await self._discarded.wait()
        await asyncio.gather(*self._clearing, return_exceptions=True)
        for cell in self._spares.waiting:
            cell.kill()
            await cell.wait_ended()
            self._discard(cell)
        if self._zygote is not None:
            self._zygote.close()
        if self.interpreter is pythons.OWN:
            self._groups.close()
        if self._folders is not None:
            shutil.rmtree(self._folders, ignore_errors=True)


def _is_below(folder: Path, relative: str) -> bool:
    """Return True if `relative` names a folder below `folder`, without `..` or hidden names."""
    parts = relative.split("/")
    return all(part and not part.startswith(".") for part in parts) and (folder / relative).is_dir()


def _is_open(path: Path) -> bool:
    """Return True if every user may enter the folder or read the file."""
    mode = path.stat().st_mode
    return bool(mode & (stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH))


def _remove_stale_folders() -> None:
    """Remove the folders left by killed workers."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*-*"):
        if not Path("/proc", folder.name.split("-")[2]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _failed(name: str, message: str) -> JobOutcome:
    return JobOutcome(None, JobError(name, message), 0, started=False)
