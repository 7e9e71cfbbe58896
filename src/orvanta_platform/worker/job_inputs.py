"""Values that a job is executed with: its arguments and its code."""

from __future__ import annotations

from typing import Any

import msgspec

from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.raw import members
from orvanta_platform.evaluate.transforms import object_text
from orvanta_platform.orchestrator import input_references, sealed_inputs
from orvanta_platform.orchestrator.blueprints import Blueprint, Inputs
from orvanta_platform.orchestrator.evaluation_context import moment_of, resolver
from orvanta_platform.orchestrator.node_views import view_of
from orvanta_platform.orchestrator.paused_inputs import with_replaced_inputs
from orvanta_platform.orchestrator.scope import Names, load_scope
from orvanta_platform.orchestrator.secret_access import Identity
from orvanta_platform.orchestrator.view import View
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.languages import HUB_LANGUAGE
from orvanta_platform.workflow.signature import sql

_WHOLE = Inputs.of_run()


class JobInputs:
    """Reader of the arguments and the code of jobs."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def previous_result(self, job: ClaimedJob, blueprint: Blueprint) -> bytes:
        """Return the result of an identity node: previous_result, or the input of a run that is a single identity."""
        scope = await self._scope(await self.view(job, blueprint), {"previous_result": None})
        found = scope["previous_result"]
        return found if isinstance(found, bytes) else b"null"

    async def arguments(
        self, job: ClaimedJob, blueprint: Blueprint, node: Node, view: View | None, opened: OpenedSecrets
    ) -> tuple[bytes, frozenset[str]]:
        """Return the job's arguments, and the names of those whose references are resolved."""
        args, referring = await self._own_args(job, blueprint, node, view, opened)
        return await with_replaced_inputs(self._platform.tools.reader.load, job.run, node, job.id, args, referring)

    async def _own_args(
        self, job: ClaimedJob, blueprint: Blueprint, node: Node, view: View | None, opened: OpenedSecrets
    ) -> tuple[bytes, frozenset[str]]:
        platform = self._platform
        inputs = _WHOLE if blueprint.plan.single else blueprint.inputs(node)
        if inputs.constant is not None:
            return inputs.constant, inputs.provenance.literals
        assert view is not None
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

    async def view(self, job: ClaimedJob, blueprint: Blueprint) -> View:
        """Return the run as seen from the job."""
        return await view_of(self._platform.db, blueprint.plan, job.run, job.node_index, job.frame)

    async def _scope(self, view: View, names: Names, opened: OpenedSecrets | None = None) -> Any:
        """Return the values that the job reads. With `opened`, password inputs are decrypted; otherwise masked."""
        reader = self._platform.tools.reader
        load = reader.load if opened is None else sealed_inputs.loading(reader, view.run, reader.load, opened)
        return await load_scope(view, names, load, reader.load_context)

    async def content(self, job: ClaimedJob, blueprint: Blueprint, node: Node) -> str:
        """Return the code of the job, or the settings of a call as JSON text; "" for a run without a document."""
        if node.kind is Kind.WEBHOOK:
            return msgspec.json.encode(node.value).decode()
        if not blueprint.plan.single and node.kind is Kind.RAWSCRIPT:
            return str(node.value["content"])
        digest = job.run.document if blueprint.plan.single else bytes.fromhex(blueprint.pin(node).document)
        if digest is None:
            return ""
        async with self._platform.db.acquire() as connection:
            return await self._platform.blueprints.text(connection, digest)


def with_pinned_database(
    language: str, content: str, args: bytes, referring: frozenset[str]
) -> tuple[bytes, frozenset[str]]:
    """Return arguments whose `database` is the resource that an SQL script names, if any, and which may refer.

    The reference is resolved like that of an argument, with the rights of the run.
    """
    path = sql.pinned_database(content) if sql.uses_database(language) else None
    if path is None:
        return args, referring
    fields = {name: bytes(each) for name, each in members(args).items()}
    return object_text(fields | {"database": msgspec.json.encode(f"$res:{path}")}), referring | {"database"}


def unavailable_path(job: ClaimedJob, blueprint: Blueprint, node: Node) -> str | None:
    """Return the path of the hub's script that the job would run; None if the job has code."""
    if blueprint.plan.single:
        return job.run.path if job.language == HUB_LANGUAGE and job.run.document is None else None
    pin = blueprint.pin(node) if node.kind is Kind.SCRIPT else None
    return pin.path if pin is not None and pin.is_unavailable else None


def needs_view(job: ClaimedJob, blueprint: Blueprint, node: Node) -> bool:
    """Return whether a job reads values of its run, or its iteration only from the frames around it."""
    if blueprint.plan.single or blueprint.inputs(node).constant is None:
        return True
    return job.frame is not None and (job.place is None or not blueprint.is_iterated(node))
