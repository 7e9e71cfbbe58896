"""One job, from its claim to what there is to say about its end."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control.masking import Opened
from orvanta_platform.db.jobs import Claimed
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.errors import OrvantaError
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.orchestrator import input_references, sealed_inputs, values
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.blueprints import OWN as OWN_PIN
from orvanta_platform.orchestrator.blueprints import Blueprint, Inputs
from orvanta_platform.orchestrator.evaluation_context import moment_of, resolver
from orvanta_platform.orchestrator.node_views import view_of
from orvanta_platform.orchestrator.paused_inputs import with_replaced_inputs
from orvanta_platform.orchestrator.scope import Names, View, load_scope
from orvanta_platform.orchestrator.secret_access import Identity
from orvanta_platform.orchestrator.sizes import Near
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.logs import streams as stream_text
from orvanta_platform.services.logs.objects import Attempt
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs.locks import LOCKING_KINDS, Locks
from orvanta_platform.worker import uploads
from orvanta_platform.worker.environment import environment
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.limits import Limits
from orvanta_platform.worker.logs import JobLog, until_there
from orvanta_platform.worker.masking import Masking, Maskings, ProcessKey
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, SandboxLost
from orvanta_platform.worker.packages.runs import LockRuns
from orvanta_platform.worker.packages.store import PackageError, PackageRequest, Packages
from orvanta_platform.worker.reuse import Reuse
from orvanta_platform.worker.runtimes.pool import OWN, Runtimes
from orvanta_platform.worker.shared import SharedFolders
from orvanta_platform.workflow.requirements import ecosystem_of

CALL_DEFAULT_S = 60.0
"""Seconds a call of a webhook node may take where the node has no timeout."""

INPUT_TOO_LARGE = "input_too_large"

_WHOLE = Inputs.of_run()

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Ended:
    """The end of an attempt before it is made a Finish."""

    raw: bytes
    error: Err | None = None
    retryable: bool = True
    cancelled: bool = False
    mem_peak_kb: int | None = None
    log_chars: int = 0
    ran_s: float | None = None
    masking: Masking | None = None
    cached: UUID | None = None
    nears: tuple[Near, ...] = ()
    sealed: bytes | None = None


class Executor:
    """Runs jobs of one worker."""

    def __init__(self, platform: Platform, runtimes: Runtimes, lease: Lease) -> None:
        self._platform = platform
        self._runtimes = runtimes
        self._lease = lease
        self._maskings = Maskings(platform)
        self.shared = SharedFolders(platform.db, runtimes)
        self._unrecorded: dict[UUID, Masking] = {}
        self._reuse = Reuse(platform)
        self._locks = Locks(platform)
        self._guard = Guard(platform.settings.allowed_networks)
        self._packages = Packages(runtimes, platform.settings, self._locks, dict(os.environ))

    async def execute(self, job: Claimed, blueprint: Blueprint, slot: int, cancelled: asyncio.Event) -> Finish:
        """Run the job; its own errors are in the returned Finish. Raises SandboxLost, and errors of the database."""
        node = blueprint.plan.node(job.node_index)
        try:
            if node.kind is Kind.IDENTITY:
                ended = _Ended(await self._identity(job, blueprint), ran_s=0.0)
            else:
                ended = await self._script(job, blueprint, node, slot, cancelled)
        except ExpressionError as error:
            ended = _failed(JobError(error.name, error.message), job, retryable=False)
        except (OrvantaError, LookupError) as error:
            ended = _failed(JobError(getattr(error, "code", "internal_error"), str(error)), job)
        if ended.masking is not None:
            self._unrecorded[job.id] = ended.masking
        return await self._finish(job, ended)

    async def _finish(self, job: Claimed, ended: _Ended) -> Finish:
        platform = self._platform
        if ended.error is None and (fault := platform.tools.sizes.fault("the result", len(ended.raw))):
            ended = _failed(JobError(fault.name, fault.message), job, retryable=False)
        try:
            value = await uploads.keep(platform, self._lease, job, ended.raw)
        except OrvantaError as error:
            ended = _failed(JobError(error.code, error.message), job)
            value = values.inline(job.id, "result", ended.raw)
        return Finish(
            job=job.id,
            node=job.node_index,
            attempt=job.attempt,
            worker=self._lease.worker,
            generation=self._lease.generation,
            raw=ended.raw,
            value=value,
            error=ended.error,
            retryable=ended.retryable,
            cancelled=ended.cancelled,
            mem_peak_kb=ended.mem_peak_kb,
            log_chars=ended.log_chars,
            ran_s=ended.ran_s,
            openings=ended.masking.openings if ended.masking else None,
            cached=ended.cached,
            nears=ended.nears,
            sealed=ended.sealed,
        )

    async def mask_again(self, job: Claimed, finish: Finish) -> Finish:
        """The same end without the secrets that the job opened by API meanwhile. Raises what the database raises."""
        masking = self._unrecorded[job.id]
        await masking.learn()
        error = finish.error
        if error is not None:
            masked = masking.error(JobError(error.name, error.message))
            error = Err(masked.name, masked.message)
        raw = masking.json(finish.raw)
        value = await uploads.keep(self._platform, self._lease, job, raw)
        return replace(finish, raw=raw, value=value, error=error, openings=masking.openings)

    def recorded(self, job: UUID) -> None:
        """The end of the job is written, or is nobody's business any more."""
        self._unrecorded.pop(job, None)
        self._reuse.forget(job)

    async def keep(self, job: Claimed, finish: Finish) -> None:
        """The end of the job is recorded: its result stands for its inputs, where it is to be used again."""
        await self._reuse.keep(job, finish)

    async def _identity(self, job: Claimed, blueprint: Blueprint) -> bytes:
        """An identity's result is previous_result; of a run of one identity, its input."""
        scope = await self._scope(await self._view(job, blueprint), {"previous_result": None})
        found = scope["previous_result"]
        return found if isinstance(found, bytes) else b"null"

    async def _script(
        self, job: Claimed, blueprint: Blueprint, node: Node, slot: int, cancelled: asyncio.Event
    ) -> _Ended:
        platform, settings = self._platform, self._platform.settings
        view = await self._view(job, blueprint)
        iteration = view.iteration
        index = None if iteration is None else iteration.number
        env = environment(settings, platform.keys, job, self._lease.generation, index)
        masking = self._maskings.of(job, env["OV_TOKEN"])
        args, referring = await self._args(job, blueprint, node, view, masking.opened)
        content = await self._content(job, blueprint, node)
        if job.run.kind in LOCKING_KINDS:
            return await self._lock(job, content, args, cancelled)
        args = await masking.fill(args, referring)
        if fault := platform.tools.sizes.fault("the input", len(args)):
            return _failed(JobError(INPUT_TOO_LARGE, fault.message), job, retryable=False)
        dedicated = node.squash or blueprint.is_dedicated(node)
        if dedicated:
            self._maskings.share(masking, ProcessKey(job.run.workspace, job.language or "", content))
        job_log = JobLog(platform.tools, Attempt(job.run.workspace, job.run.id, job.id, job.attempt), masking)
        hit = await self._reuse.find(job, blueprint, node, content, args)
        if hit is not None:
            await job_log.system(f"cached: the result of run {hit.run}")
            return _Ended(hit.raw, log_chars=await job_log.close(), ran_s=0.0, masking=masking, cached=hit.run)
        if job.attempt > 1:
            await job_log.system(_why_again(job))
        try:
            package = await self._package(job, blueprint, node, content, job_log, cancelled)
        except (PackageError, OrvantaError) as error:
            return _without_package(error, job, await job_log.close())
        except BaseException:
            job_log.discard()
            raise
        is_call = node.kind is Kind.WEBHOOK
        shared = self.shared.of(job)
        if is_call:
            from orvanta_platform.worker.native import webhook

            for text in webhook.credentials(args):
                masking.opened.add(text)
        default_s = CALL_DEFAULT_S if is_call else settings.job_timeout_s
        timeout_s = min(job.timeout_s or default_s, settings.job_timeout_s)
        spec = JobSpec(
            job_id=job.id,
            attempt=job.attempt,
            workspace=job.run.workspace,
            language=job.language or "",
            content=content,
            args=args,
            env=env,
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
            output=shared,
            dedicated=dedicated,
            shared=shared is not None,
            principal=_principal(job),
            kept_for=f"{job.run.id} {node.number}" if node.squash else "",
        )
        if self._runtimes.must_build(spec):
            await job_log.system("compiling")
        started = clock.monotonic()
        outcome = await self._run(spec, job_log, cancelled, is_call)
        if outcome.lost:
            await job_log.system("lost: the sandbox was killed from outside")
            await job_log.close()
            raise SandboxLost
        ran_s = clock.monotonic() - started
        if outcome.stopped_by is not None and outcome.error is not None:
            how = "failed" if outcome.stopped_by == "result" else "killed"
            await job_log.system(f"{how}: {outcome.error.message}")
        sized = {"the input": args, "the result": outcome.result or b""}
        nears = tuple(near for what, raw in sized.items() if (near := platform.tools.sizes.near(what, len(raw))))
        for near in nears:
            await job_log.system(near.text)
        log_chars = await job_log.close()
        if job_log.streamed and outcome.result == b"null":
            outcome = await self._with_stream(spec, outcome)
        outcome, sealed = await self._seal_input(job, blueprint, node, outcome)
        ended = _ended(await masking.outcome(outcome), job, ran_s, log_chars)
        ended.masking, ended.nears, ended.sealed = masking, nears, sealed
        return ended

    async def _seal_input(
        self, job: Claimed, blueprint: Blueprint, node: Node, outcome: JobOutcome
    ) -> tuple[JobOutcome, bytes | None]:
        """The output of a preprocessor with its password inputs masked, and the sealed inputs."""
        own = blueprint.pins.get(OWN_PIN)
        if node is not blueprint.plan.preprocessor or own is None or own.passwords is None or outcome.result is None:
            return outcome, None
        try:
            shown, sealed = await sealed_inputs.take_out(
                self._platform, job.run.workspace, job.run.id, outcome.result, own.passwords
            )
        except OrvantaError as error:
            failed = JobError(error.code, error.message)
            return JobOutcome(None, failed, outcome.mem_peak_kb, outcome.started, outcome.stopped_by), None
        return JobOutcome(shown, outcome.error, outcome.mem_peak_kb, outcome.started, outcome.stopped_by), sealed

    async def _package(
        self,
        job: Claimed,
        blueprint: Blueprint,
        node: Node,
        content: str,
        job_log: JobLog,
        cancelled: asyncio.Event,
    ) -> str | None:
        """What JobSpec.package is: the code's packages. Raises PackageError, InvalidScript."""
        language = job.language or ""
        if language in OWN:
            raise PackageError("no_runtime", f"There is no language {language}.")
        if ecosystem_of(language) is None:
            return None
        lock = None
        if not blueprint.plan.single and node.kind is Kind.RAWSCRIPT:
            lock = node.value.get("lock") or None
        else:
            version = job.run.version if blueprint.plan.single else blueprint.pin(node).version
            lock = None if version is None else await self._locks.of_version(version)
        asked = PackageRequest(job.id, job.attempt, job.run.workspace, language, content, lock)
        return await self._packages.provide(asked, job_log, cancelled)

    async def _lock(self, job: Claimed, body: str, args: bytes, cancelled: asyncio.Event) -> _Ended:
        """A run that makes locks: its code is read, not run."""
        job_log = JobLog(self._platform.tools, Attempt(job.run.workspace, job.run.id, job.id, job.attempt))
        started = clock.monotonic()
        try:
            ended = _Ended(await LockRuns(self._platform, self._packages).run(job, body, args, job_log, cancelled))
        except (PackageError, OrvantaError) as error:
            return _without_package(error, job, await job_log.close())
        except BaseException:
            job_log.discard()
            raise
        ended.log_chars, ended.ran_s = await job_log.close(), clock.monotonic() - started
        return ended

    async def _run(self, spec: JobSpec, job_log: JobLog, cancelled: asyncio.Event, is_call: bool) -> JobOutcome:
        """Whatever the runtime fails of is the attempt's failure: from here on, code may have begun."""
        try:
            if is_call:
                from orvanta_platform.worker.native import webhook

                return await webhook.run(spec, job_log, cancelled, self._guard)
            return await self._runtimes.run(spec, job_log, cancelled)
        except Exception as error:
            log.exception("runtime failed", action="run", job=str(spec.job_id))
            return JobOutcome(None, JobError("RuntimeFailed", f"The job could not be run: {error}."), 0, started=False)

    async def _with_stream(self, spec: JobSpec, outcome: JobOutcome) -> JobOutcome:
        """A job that streamed and gave nothing else has given what it streamed."""
        text = await until_there(lambda: stream_text.whole(self._platform.db, spec.job_id))
        return JobOutcome(msgspec.json.encode(text), None, outcome.mem_peak_kb, outcome.started)

    async def _args(
        self, job: Claimed, blueprint: Blueprint, node: Node, view: View, opened: Opened
    ) -> tuple[bytes, frozenset[str]]:
        """The job's arguments, and the names of those whose references are resolved."""
        args, referring = await self._own_args(job, blueprint, node, view, opened)
        return await with_replaced_inputs(self._platform.tools.reader.load, job.run, node, job.id, args, referring)

    async def _own_args(
        self, job: Claimed, blueprint: Blueprint, node: Node, view: View, opened: Opened
    ) -> tuple[bytes, frozenset[str]]:
        platform = self._platform
        inputs = _WHOLE if blueprint.plan.single else blueprint.inputs(node)
        if inputs.constant is not None:
            return inputs.constant, inputs.provenance.literals
        scope = await self._scope(view, inputs.names, opened)
        if inputs.whole:
            found = scope["flow_input"]
            return found if isinstance(found, bytes) else b"{}", input_references.of_arguments(view)
        moment = moment_of(blueprint.plan, job.run, job.node_index, job.frame)
        resolve = resolver(platform, Identity.of_job(job), job.run.workspace, opened)
        try:
            args = await platform.evaluator.of(job.run.workspace).inputs(inputs.transforms, scope, moment, resolve)
        except ExpressionError as error:
            raise ExpressionError(error.name, opened.mask_text(error.message)) from None
        return args, input_references.of_inputs(inputs.provenance, view)

    async def _view(self, job: Claimed, blueprint: Blueprint) -> View:
        return await view_of(self._platform.db, blueprint.plan, job.run, job.node_index, job.frame)

    async def _scope(self, view: View, names: Names, opened: Opened | None = None) -> Any:
        """The values that the job reads. With `opened`, password inputs are decrypted; otherwise they are masked."""
        reader = self._platform.tools.reader
        load = reader.load if opened is None else sealed_inputs.loading(reader, view.run, reader.load, opened)
        return await load_scope(view, names, load, reader.load_context)

    async def _content(self, job: Claimed, blueprint: Blueprint, node: Node) -> str:
        if node.kind is Kind.WEBHOOK:
            return msgspec.json.encode(node.value).decode()
        if not blueprint.plan.single and node.kind is Kind.RAWSCRIPT:
            return str(node.value["content"])
        digest = job.run.document if blueprint.plan.single else bytes.fromhex(blueprint.pin(node).document)
        if digest is None:
            return ""
        async with self._platform.db.acquire() as connection:
            return await self._platform.blueprints.text(connection, digest)


def _principal(job: Claimed) -> str:
    """The properties of a run that determine what its jobs may read and who may read their results."""
    run = job.run
    return msgspec.json.encode([run.permissioned_as, run.email, run.created_by, run.path, job.path]).decode()


def _why_again(job: Claimed) -> str:
    """What the log of a further attempt begins with."""
    lost = job.attempt - 1 - job.failures
    parts = [f"{job.failures} failed"] * bool(job.failures) + [f"{lost} lost with their worker or sandbox"] * bool(lost)
    return f"attempt {job.attempt}; before it: {', '.join(parts)}"


def _ended(outcome: JobOutcome, job: Claimed, ran_s: float, log_chars: int) -> _Ended:
    if outcome.error is not None:
        ended = _failed(outcome.error, job)
    else:
        ended = _Ended(outcome.result if outcome.result is not None else b"null")
    ended.cancelled = outcome.stopped_by == "cancel"
    ended.mem_peak_kb = outcome.mem_peak_kb
    ended.ran_s = ran_s
    ended.log_chars = log_chars
    return ended


def _without_package(error: PackageError | OrvantaError, job: Claimed, log_chars: int) -> _Ended:
    name = error.name if isinstance(error, PackageError) else error.code
    ended = _failed(JobError(name, error.message), job)
    ended.cancelled = isinstance(error, PackageError) and error.cancelled
    ended.log_chars = log_chars
    return ended


def _failed(error: JobError, job: Claimed, *, retryable: bool = True) -> _Ended:
    fields = {"name": error.name, "message": error.message, "stack": error.stack, "step_id": job.node}
    raw = msgspec.json.encode({"error": {name: text for name, text in fields.items() if text is not None}})
    return _Ended(raw, Err(error.name, error.message), retryable)
