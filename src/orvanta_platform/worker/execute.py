"""Execution of one job, from its claim to its outcome."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from functools import partial
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import queue_rules
from orvanta_platform.control.queue_rules import NO_RULES
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.orchestrator import sealed_inputs, values
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.blueprints import OWN as OWN_PIN
from orvanta_platform.orchestrator.blueprints import Blueprint, Inputs
from orvanta_platform.orchestrator.caching import CacheHit
from orvanta_platform.orchestrator.sizes import SizeWarning
from orvanta_platform.orchestrator.view import View
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.services.logs import streams as stream_text
from orvanta_platform.services.logs.objects import Attempt
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs.locks import LOCKING_KINDS, Locks
from orvanta_platform.worker import computed_arguments, uploads
from orvanta_platform.worker.environment import environment
from orvanta_platform.worker.imports import ImportFolder, Imports
from orvanta_platform.worker.job_inputs import JobInputs, needs_view, unavailable_path, with_pinned_database
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.logs import JobLog, retry_while_unavailable
from orvanta_platform.worker.masking import Masking, Maskings, ProcessKey
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, SandboxLost
from orvanta_platform.worker.outputs import OrderCancelled
from orvanta_platform.worker.packages.runs import LockRuns
from orvanta_platform.worker.packages.store import PackageError, PackageRequest, Packages
from orvanta_platform.worker.reuse import ResultReuse
from orvanta_platform.worker.runtimes.exit_status import checked
from orvanta_platform.worker.runtimes.pool import NO_NETWORK, OWN, Runtimes
from orvanta_platform.worker.shared import SharedFolders
from orvanta_platform.workflow import job_variables
from orvanta_platform.workflow.languages import UNSUPPORTED
from orvanta_platform.workflow.requirements import ecosystem_of, lock_of

CALL_DEFAULT_S = 60.0
"""Timeout of a call, in seconds, if the webhook node sets none."""

INPUT_TOO_LARGE = "input_too_large"

_WHOLE = Inputs.of_run()

log = structlog.get_logger(__name__)


class _AttemptResult(msgspec.Struct):
    """The result of an attempt before it is converted to a Finish."""

    raw: bytes
    error: NamedError | None = None
    retryable: bool = True
    cancelled: bool = False
    mem_peak_kb: int | None = None
    log_chars: int = 0
    ran_s: float | None = None
    masking: Masking | None = None
    cached: UUID | None = None
    nears: tuple[SizeWarning, ...] = ()
    sealed: bytes | None = None


class _Script(msgspec.Struct, frozen=True):
    """An attempt that is ready to run: its code with evaluated inputs, environment, masking and log."""

    job: ClaimedJob
    blueprint: Blueprint
    node: Node
    content: str
    imports: str | None
    """Hash (hex) of the closure of scripts that the code imports."""
    args: bytes
    env: Mapping[str, str]
    masking: Masking
    log: JobLog

    @property
    def is_call(self) -> bool:
        """True if the attempt is an HTTP call instead of a process."""
        return self.node.kind is Kind.WEBHOOK

    @property
    def is_dedicated(self) -> bool:
        """True if the process may be reused by further jobs."""
        return self.node.squash or self.blueprint.is_dedicated(self.node)


class Executor:
    """Executor of one worker's jobs."""

    def __init__(self, platform: Platform, runtimes: Runtimes, lease: Lease) -> None:
        self._platform = platform
        self._runtimes = runtimes
        self._lease = lease
        self.variables: Mapping[str, str] = {}
        """Environment variables that the worker's group adds to those of each job."""
        self.queues: Collection[str] | None = None
        """Queues that the worker serves; None: all."""
        self.queue_rules = NO_RULES
        """Rules that each job is checked against before it runs, as of the last reading."""
        self._maskings = Maskings(platform)
        self.shared = SharedFolders(platform.db, runtimes)
        self._unrecorded: dict[UUID, Masking] = {}
        self._inputs = JobInputs(platform)
        self._reuse = ResultReuse(platform)
        self._locks = Locks(platform)
        self._guard = Guard(platform.settings.allowed_networks)
        self._imports = Imports(platform, runtimes)
        self._packages = Packages(runtimes, platform.settings, self._locks, self._imports, dict(os.environ))

    async def execute(self, job: ClaimedJob, blueprint: Blueprint, slot: int, cancelled: asyncio.Event) -> Finish:
        """Run the job and return its result; errors of the job are part of the result.

        Raises SandboxLost, and errors of the database.
        """
        node = blueprint.plan.node(job.node_index)
        try:
            refused = self._refused_queue(job)
            if refused is not None:
                message = queue_rules.refusal(job.run.workspace, refused)
                result = _failed(JobError("queue_reserved", message), job, retryable=False)
            elif cancelled.is_set():
                result = replace(_failed(JobError("Cancelled", "cancelled"), job), cancelled=True)
            elif node.kind is Kind.IDENTITY:
                result = _AttemptResult(await self._inputs.previous_result(job, blueprint), ran_s=0.0)
            else:
                result = await self._script(job, blueprint, node, slot, cancelled)
        except ExpressionError as error:
            result = _failed(JobError(error.name, error.message), job, retryable=False)
        except (OrvantaError, LookupError) as error:
            result = _failed(JobError(getattr(error, "code", "internal_error"), str(error)), job)
        if result.masking is not None:
            self._unrecorded[job.id] = result.masking
        return await self._finish(job, result)

    def _refused_queue(self, job: ClaimedJob) -> str | None:
        """Return the queue by which the job is here and which its workspace may not use; None if there is none.

        A job that is bound to this worker is here by its queues, whatever the tags of its run and nodes.
        """
        if not self.queue_rules.restrict:
            return None
        by = (self.queues or ()) if is_pinned(job.queue) else (job.queue,)
        return self.queue_rules.first_refused(job.run.workspace, by)

    async def _finish(self, job: ClaimedJob, result: _AttemptResult) -> Finish:
        platform = self._platform
        if result.error is None and (fault := platform.tools.sizes.fault("the result", len(result.raw))):
            result = _failed(JobError(fault.name, fault.message), job, retryable=False)
        try:
            value = await uploads.store(platform, self._lease, job, result.raw)
        except OrvantaError as error:
            result = _failed(JobError(error.code, error.message), job)
            value = values.inline_row(job.id, "result", result.raw)
        return Finish(
            job=job.id,
            node=job.node_index,
            attempt=job.attempt,
            worker=self._lease.worker,
            generation=self._lease.generation,
            raw=result.raw,
            value=value,
            error=result.error,
            retryable=result.retryable,
            cancelled=result.cancelled,
            mem_peak_kb=result.mem_peak_kb,
            log_chars=result.log_chars,
            ran_s=result.ran_s,
            openings=result.masking.openings if result.masking else None,
            cached=result.cached,
            nears=result.nears,
            sealed=result.sealed,
        )

    async def mask_again(self, job: ClaimedJob, finish: Finish) -> Finish:
        """Return the finish with secrets masked that the job has since opened by API. Raises errors of the database."""
        masking = self._unrecorded[job.id]
        await masking.load_opened()
        error = finish.error
        if error is not None:
            masked = masking.error(JobError(error.name, error.message))
            error = NamedError(masked.name, masked.message)
        raw = masking.json(finish.raw)
        value = await uploads.store(self._platform, self._lease, job, raw)
        return replace(finish, raw=raw, value=value, error=error, openings=masking.openings)

    def discard(self, job: UUID) -> None:
        """Discard the state of a job that is recorded or no longer belongs to this worker."""
        self._unrecorded.pop(job, None)
        self._reuse.discard(job)

    async def store_for_reuse(self, job: ClaimedJob, finish: Finish) -> None:
        """Store the recorded result in the cache, if the node is cached."""
        await self._reuse.store(job, finish)

    async def _script(
        self, job: ClaimedJob, blueprint: Blueprint, node: Node, slot: int, cancelled: asyncio.Event
    ) -> _AttemptResult:
        """Evaluate the inputs of a script or call and run it, unless a cached result can be used."""
        if (path := unavailable_path(job, blueprint, node)) is not None:
            message = f"Scripts of the hub are not available: deploy a script at f/{path} instead."
            return _failed(JobError("hub_unavailable", message), job, retryable=False)
        view = await self._inputs.view(job, blueprint) if needs_view(job, blueprint, node) else None
        env = self._environment(job, blueprint, node, view)
        masking = self._maskings.of(job, env["OV_TOKEN"])
        found = await self._arguments(job, blueprint, node, view, masking, cancelled)
        if found is None:
            return replace(_failed(JobError("Cancelled", "cancelled"), job), cancelled=True)
        args, referring = found
        content = await self._inputs.content(job, blueprint, node)
        if job.run.kind in LOCKING_KINDS:
            return await self._lock(job, blueprint, content, args, cancelled)
        args, referring = with_pinned_database(job.language or "", content, args, referring)
        args = await masking.fill(args, referring)
        if fault := self._platform.tools.sizes.fault("the input", len(args)):
            return _failed(JobError(INPUT_TOO_LARGE, fault.message), job, retryable=False)
        job_log = JobLog(self._platform.tools, Attempt(job.run.workspace, job.run.id, job.id, job.attempt), masking)
        if blueprint.plan.single:
            job_log.describe = partial(computed_arguments.describe, self._platform, job, masking)
        imports = blueprint.imports(node, job.run.path)
        script = _Script(job, blueprint, node, content, imports, args, env, masking, job_log)
        if script.is_dedicated:
            self._maskings.share(masking, ProcessKey(job.run.workspace, job.language or "", content))
        hit = await self._reuse.find(job, blueprint, node, content, args, imports)
        if hit is not None:
            return await _reused(script, hit)
        if job.attempt > 1:
            await job_log.system(_earlier_attempts(job))
        try:
            package = await self._package(script, cancelled)
            folder = None if imports is None else await self._import_folder(job, imports, cancelled)
            spec = self._spec(script, package, folder, slot)
        except (PackageError, OrvantaError) as error:
            return _package_failure(error, job, await job_log.close())
        except BaseException:
            job_log.discard()
            raise
        if script.is_call:
            _mask_credentials(script)
        return await self._run_script(script, spec, cancelled)

    async def _arguments(
        self,
        job: ClaimedJob,
        blueprint: Blueprint,
        node: Node,
        view: View | None,
        masking: Masking,
        cancelled: asyncio.Event,
    ) -> tuple[bytes, frozenset[str]] | None:
        """Return the job's arguments as JobInputs.arguments does; None if it was cancelled while they were computed."""
        arguments = self._inputs.arguments(job, blueprint, node, view, masking.opened)
        if blueprint.plan.single or blueprint.inputs(node).constant is not None:
            return await arguments
        computing, cancelling = asyncio.ensure_future(arguments), asyncio.ensure_future(cancelled.wait())
        try:
            await asyncio.wait({computing, cancelling}, return_when=asyncio.FIRST_COMPLETED)
            return computing.result() if computing.done() else None
        finally:
            for task in (computing, cancelling):
                task.cancel()
            await asyncio.gather(computing, cancelling, return_exceptions=True)

    def _environment(self, job: ClaimedJob, blueprint: Blueprint, node: Node, view: View | None) -> Mapping[str, str]:
        iteration = job.place
        if view is not None:
            iteration = None if view.iteration is None else view.iteration.number
        pin = blueprint.pins.get(OWN_PIN)
        flow_path = pin.flow_path if pin else None
        version = blueprint.pin(node).version if node.kind is Kind.SCRIPT else job.run.version
        platform, generation = self._platform, self._lease.generation
        own = environment(platform.settings, platform.keys, job, generation, iteration, flow_path, version)
        variables = _variables(job, blueprint, node)
        return {**self.variables, **variables, **own} if self.variables or variables else own

    def _spec(self, script: _Script, package: str | None, imports: ImportFolder | None, slot: int) -> JobSpec:
        """Build the runtime's specification of the attempt. Raises SharedFolderUnavailable."""
        job, settings = script.job, self._platform.settings
        shared = self.shared.of(job)
        default_s = CALL_DEFAULT_S if script.is_call else settings.job_timeout_s
        timeout_s = min(job.timeout_s or default_s, settings.job_timeout_s)
        return JobSpec(
            job_id=job.id,
            attempt=job.attempt,
            workspace=job.run.workspace,
            language=job.language or "",
            content=script.content,
            args=script.args,
            env=script.env,
            timeout_s=timeout_s,
            limits=Limits(
                memory_bytes=settings.memory_limit,
                processes=settings.process_limit,
                disk_bytes=settings.disk_limit,
                result_bytes=settings.result_limit,
                log_bytes=settings.log_limit,
                time_s=timeout_s,
            ),
            slot=slot,
            package=package,
            imports=None if imports is None else imports.folder,
            path="" if imports is None else imports.path,
            entry="preprocessor" if script.node is script.blueprint.plan.preprocessor else "main",
            output=shared,
            dedicated=script.is_dedicated,
            shared=shared is not None,
            principal=_principal(job, _variables(job, script.blueprint, script.node)),
            reserved_for=f"{job.run.id} {script.node.number}" if script.node.squash else "",
        )

    async def _run_script(self, script: _Script, spec: JobSpec, cancelled: asyncio.Event) -> _AttemptResult:
        """Run the attempt and return its masked result. Raises SandboxLost."""
        if self._runtimes.must_build(spec):
            await script.log.system("compiling")
        started = clock.monotonic()
        outcome = await self._run(spec, script.log, cancelled, script.is_call)
        if outcome.lost:
            await script.log.system("lost: the sandbox was killed from outside")
            await script.log.close()
            raise SandboxLost
        ran_s = clock.monotonic() - started
        nears = await self._log_outcome(script, outcome)
        log_chars = await script.log.close()
        if script.log.streamed and outcome.result == b"null":
            outcome = await self._with_stream(spec, outcome)
        outcome, sealed = await self._seal_input(script, outcome)
        result = _attempt_result(await script.masking.outcome(outcome), script.job, ran_s, log_chars)
        result.masking, result.nears, result.sealed = script.masking, nears, sealed
        return result

    async def _log_outcome(self, script: _Script, outcome: JobOutcome) -> tuple[SizeWarning, ...]:
        """Log the reason for a stop, and warnings about sizes near their limits; return these warnings."""
        if outcome.stopped_by is not None and outcome.error is not None:
            verb = "failed" if outcome.stopped_by == "result" else "killed"
            await script.log.system(f"{verb}: {outcome.error.message}")
        sizes = self._platform.tools.sizes
        of_input = sizes.warning("the input", len(script.args))
        of_result = sizes.warning("the result", len(outcome.result or b""))
        nears = tuple(near for near in (of_input, of_result) if near is not None)
        for near in nears:
            await script.log.system(near.text)
        return nears

    async def _seal_input(self, script: _Script, outcome: JobOutcome) -> tuple[JobOutcome, bytes | None]:
        """Return the output of a preprocessor with its password inputs masked, and the sealed inputs.

        The outcome of any other node is returned unchanged.
        """
        job, blueprint = script.job, script.blueprint
        own = blueprint.pins.get(OWN_PIN)
        is_preprocessor = script.node is blueprint.plan.preprocessor
        if not is_preprocessor or own is None or own.passwords is None or outcome.result is None:
            return outcome, None
        arguments = (self._platform, job.run.workspace, job.run.id, outcome.result, own.passwords)
        try:  # the code has run and must not run again because the database was unavailable
            shown, sealed = await retry_while_unavailable(lambda: sealed_inputs.take_out(*arguments))
        except OrvantaError as error:
            failed = JobError(error.code, error.message)
            return JobOutcome(None, failed, outcome.mem_peak_kb, outcome.started, outcome.stopped_by), None
        return JobOutcome(shown, outcome.error, outcome.mem_peak_kb, outcome.started, outcome.stopped_by), sealed

    async def _package(self, script: _Script, cancelled: asyncio.Event) -> str | None:
        """Return the folder of the code's packages, as in JobSpec.package.

        Raises PackageError, InvalidScript, PolicyViolation.
        """
        job, blueprint, node = script.job, script.blueprint, script.node
        language = job.language or ""
        if language == UNSUPPORTED:
            raise PackageError("no_runtime", f"This version cannot run {script.content}.")
        if language in OWN:
            raise PackageError("no_runtime", f"There is no language {language}.")
        if ecosystem_of(language) is None:
            return None
        lock, version = None, job.run.version
        if not blueprint.plan.single and node.kind is Kind.RAWSCRIPT:
            lock = lock_of(node.value)
        else:
            version = job.run.version if blueprint.plan.single else blueprint.pin(node).version
            pin = blueprint.pins.get(OWN_PIN) if blueprint.plan.single else None
            lock = pin.lock if pin else None
            lock = lock if version is None else await self._locks.of_version(version)
        workspace = job.run.workspace
        request = PackageRequest(job.id, job.attempt, workspace, language, script.content, script.imports, lock)
        request = replace(request, version=version, node=None if blueprint.plan.single else node.id)
        return await self._packages.provide(request, script.log, cancelled)

    async def _lock(
        self, job: ClaimedJob, blueprint: Blueprint, body: str, args: bytes, cancelled: asyncio.Event
    ) -> _AttemptResult:
        """Execute a run that makes locks: its code is read and not run."""
        job_log = JobLog(self._platform.tools, Attempt(job.run.workspace, job.run.id, job.id, job.attempt))
        started = clock.monotonic()
        try:
            lock_run = LockRuns(self._platform, self._packages)
            result = _AttemptResult(await lock_run.run(job, blueprint.pins, body, args, job_log, cancelled))
        except (PackageError, OrvantaError) as error:
            return _package_failure(error, job, await job_log.close())
        except BaseException:
            job_log.discard()
            raise
        result.log_chars, result.ran_s = await job_log.close(), clock.monotonic() - started
        return result

    async def _import_folder(self, job: ClaimedJob, imports: str, cancelled: asyncio.Event) -> ImportFolder:
        """Return the folder with the scripts that the job's code imports. Raises PackageError, ImportsUnavailable."""
        try:
            return await self._imports.provide(job.run.workspace, imports, job, cancelled)
        except OrderCancelled:
            raise PackageError("Cancelled", "cancelled", cancelled=True) from None

    async def _run(self, spec: JobSpec, job_log: JobLog, cancelled: asyncio.Event, is_call: bool) -> JobOutcome:
        """Run the job in its runtime. Errors of the runtime fail the attempt, as user code may have started."""
        try:
            if is_call and self._runtimes.offline:
                return JobOutcome(None, JobError("no_network", NO_NETWORK), 0, started=False)
            if is_call:
                from orvanta_platform.worker.native import webhook

                return await checked(await webhook.run(spec, job_log, cancelled, self._guard))
            return await self._runtimes.run(spec, job_log, cancelled)
        except Exception as error:
            log.exception("runtime failed", action="run", job=str(spec.job_id))
            return JobOutcome(None, JobError("RuntimeFailed", f"The job could not be run: {error}."), 0, started=False)

    async def _with_stream(self, spec: JobSpec, outcome: JobOutcome) -> JobOutcome:
        """Return the outcome with the streamed text as result, for a job that streamed and returned nothing else."""
        text = await retry_while_unavailable(lambda: stream_text.read_all(self._platform.db, spec.job_id))
        return JobOutcome(msgspec.json.encode(text), None, outcome.mem_peak_kb, outcome.started)


def _variables(job: ClaimedJob, blueprint: Blueprint, node: Node) -> Mapping[str, str]:
    """Return the environment variables that the script of the node sets for this job."""
    return blueprint.variables(node) if job_variables.have_effect(job.language or "") else {}


def _principal(job: ClaimedJob, variables: Mapping[str, str]) -> str:
    """Return the properties of a run that determine what its jobs may do and who may read their results.

    The variables of the script are included, because code outside of functions reads them once per process.
    """
    run = job.run
    scopes = None if run.scopes is None else sorted(run.scopes)
    own = sorted(variables.items())
    principal = [run.permissioned_as, run.email, scopes, run.created_by, run.path, job.path, own]
    return msgspec.json.encode(principal).decode()


def _earlier_attempts(job: ClaimedJob) -> str:
    """Return the first line of the log of a further attempt."""
    lost = job.attempt - 1 - job.failures
    parts = [f"{job.failures} failed"] * bool(job.failures) + [f"{lost} lost with their worker or sandbox"] * bool(lost)
    return f"attempt {job.attempt}; before it: {', '.join(parts)}"


def _mask_credentials(script: _Script) -> None:
    """Add the credentials of a call to the secrets that are masked."""
    from orvanta_platform.worker.native import webhook

    for text in webhook.credentials(script.args):
        script.masking.opened.add(text)


async def _reused(script: _Script, hit: CacheHit) -> _AttemptResult:
    await script.log.system(f"cached: the result of run {hit.run}")
    log_chars = await script.log.close()
    return _AttemptResult(hit.raw, log_chars=log_chars, ran_s=0.0, masking=script.masking, cached=hit.run)


def _attempt_result(outcome: JobOutcome, job: ClaimedJob, ran_s: float, log_chars: int) -> _AttemptResult:
    if outcome.error is not None:
        result = _failed(outcome.error, job)
    else:
        result = _AttemptResult(outcome.result if outcome.result is not None else b"null")
    result.cancelled = outcome.stopped_by == "cancel"
    result.mem_peak_kb = outcome.mem_peak_kb
    result.ran_s = ran_s
    result.log_chars = log_chars
    return result


def _package_failure(error: PackageError | OrvantaError, job: ClaimedJob, log_chars: int) -> _AttemptResult:
    name = error.name if isinstance(error, PackageError) else error.code
    result = _failed(JobError(name, error.message), job)
    result.cancelled = isinstance(error, PackageError) and error.cancelled
    result.log_chars = log_chars
    return result


def _failed(error: JobError, job: ClaimedJob, *, retryable: bool = True) -> _AttemptResult:
    fields = {"name": error.name, "message": error.message, "stack": error.stack, "extra": error.extra}
    named = {name: each for name, each in (fields | {"step_id": job.node}).items() if each is not None}
    raw = msgspec.json.encode({"error": named})
    return _AttemptResult(raw, NamedError(error.name, error.message), retryable)
