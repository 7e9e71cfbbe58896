"""Blueprints of runs: a plan and its pinned scripts, compiled once and cached by hash."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.db import runs
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine import duration, gates
from orvanta_platform.engine.compile import single_plan
from orvanta_platform.engine.dry_run import dry_plan
from orvanta_platform.engine.plan import Gate, Kind, Node, Plan
from orvanta_platform.engine.state import ENGINE_VERSION, StateTooNew
from orvanta_platform.errors import VersionNotPinned
from orvanta_platform.evaluate.transforms import Provenance, constant_inputs, input_names, provenance_of
from orvanta_platform.ids import node_job_id
from orvanta_platform.orchestrator.compilation import compiled, compiled_for_call
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.queue.dynamic_tags import in_workspace
from orvanta_platform.workflow import job_variables
from orvanta_platform.workflow.languages import HUB_LANGUAGE
from orvanta_platform.workflow.preprocessors import defines_preprocessor

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MAX_BLUEPRINTS = 200
_MAX_DOCUMENTS = 500
_MAX_EARLY_JOBS = 10_000
_MAX_CACHED_DOCUMENT = 256 << 10

NATIVE_QUEUE = "native"
"""The queue of jobs that need no process."""

WEBHOOK_QUEUE = "webhook"
"""The queue of HTTP calls to other servers, which spend most of their time waiting."""

_WEBHOOK_INPUTS = ("url", "headers", "query", "body")


class Pin(msgspec.Struct, frozen=True, omit_defaults=True):
    """The code of a script node or sub-workflow, with its settings for jobs."""

    path: str
    version: int
    document: str
    """Hash (hex) of the content."""
    language: str
    tag: str | None = None
    timeout_s: float | None = None
    dedicated: bool = False
    retry: dict[str, Any] | None = None
    limits: dict[str, Any] | None = None
    permissioned_as: str | None = None
    """Identity that a sub-workflow acts as; None: that of its caller."""
    email: str | None = None
    """Email of that identity."""
    passwords: dict[str, Any] | None = None
    """JSON Schema if it names password inputs; under OWN, the schema of a workflow with a preprocessor."""
    imports: str | None = None
    """Hash (hex) of the closure of scripts that the code imports."""
    inline_imports: dict[str, str] | None = None
    """Hashes of the closures of a workflow's inline scripts, by node."""
    lock: str | None = None
    """Under OWN, the lock that a preview of a script was sent with."""
    flow_path: str | None = None
    """Under OWN, the path of the workflow of which a preview of a script is a part."""
    variables: dict[str, str] | None = None
    """Environment variables that a script sets for its jobs."""
    executes: tuple[str, ...] | None = None
    """Under DRY, the effects of the nodes that the dry run executes."""

    @property
    def is_unavailable(self) -> bool:
        """Return whether there is no code: a script of the hub."""
        return not self.document


Pins = Mapping[str, Pin]
"""Pins by reference: `<path>`, `<path>@<hash>`, or `imports:<path>:<node>` for the imports of an inline script.

OWN holds the settings of the script or workflow for all its jobs, DRY those of a dry run.
"""

OWN = ""

DRY = "dry_run:"
"""Key of the pin that makes a run, and the runs of its sub-workflows, dry runs."""

PREPROCESSOR = "preprocessor"
"""Id of a workflow's preprocessor, which receives the run's input unless it declares inputs.

A function `preprocessor(event)` always receives it, as the ecosystem ignores its inputs.
"""


class Inputs(msgspec.Struct, frozen=True):
    """The inputs of a node."""

    transforms: Mapping[str, Any]
    names: Mapping[str, frozenset[str] | None]
    """Names of the values that the inputs read."""
    constant: bytes | None
    """JSON object text of the inputs if they read no values."""
    provenance: Provenance
    """The inputs that may hold references."""
    whole: bool = False
    """True if the inputs are the unchanged input of the run."""

    @classmethod
    def of(cls, node: Node) -> Inputs:
        """Return the inputs of a script node or webhook node; a webhook's credential is a reference among them."""
        transforms = node.value.get("input_transforms") or {}
        if node.kind is Kind.WEBHOOK:
            transforms = {name: node.value[name] for name in _WEBHOOK_INPUTS if name in node.value}
            if node.value.get("auth"):
                transforms["auth"] = {"type": "static", "value": node.value["auth"]}
        if node.id == PREPROCESSOR and (not transforms or _takes_event(node)):
            return cls.of_run()
        return cls(transforms, input_names(transforms), constant_inputs(transforms), provenance_of(transforms))

    @classmethod
    def of_run(cls) -> Inputs:
        """Return inputs that are the run's input unchanged."""
        return cls({}, {"flow_input": None}, None, provenance_of({}), whole=True)


def _takes_event(node: Node) -> bool:
    return defines_preprocessor(node.value.get("language"), str(node.value.get("content") or ""))


class Work(msgspec.Struct, frozen=True):
    """Code and queue of a node's job."""

    kind: str
    language: str | None
    path: str | None
    queue: str
    timeout_s: float | None
    content: bytes | None
    """Hash of a stored document; None if the node contains the code."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A plan with its pins: everything that is common to all runs of one artifact and pin set."""

    plan: Plan
    pins: Pins
    _inputs: dict[int, Inputs] = field(default_factory=dict, compare=False)
    _iterated: dict[int, bool] = field(default_factory=dict, compare=False)

    def inputs(self, node: Node) -> Inputs:
        """Return the node's inputs, analysed once."""
        found = self._inputs.get(node.number)
        if found is None:
            found = self._inputs[node.number] = Inputs.of(node)
        return found

    def is_iterated(self, node: Node) -> bool:
        """Return whether the body of a loop is the innermost list around a node."""
        if not self._iterated:
            for holder in self.plan.all_nodes:
                for body in holder.bodies:
                    self._iterated.update(dict.fromkeys((each.number for each in body.plan.nodes), holder.kind.is_loop))
        return self._iterated.get(node.number, False)

    def pin(self, node: Node) -> Pin:
        """Return the pin of the node's script. Raises VersionNotPinned."""
        return self._pin(pin_key(node.value))

    def flow_pin(self, node: Node) -> Pin:
        """Return the pin of the node's sub-workflow. Raises VersionNotPinned."""
        return self._pin(flow_key(node.value["path"]))

    def imports(self, node: Node, path: str | None) -> str | None:
        """Return the hash (hex) of the closure that a node's script imports; None if it imports nothing.

        `path` is that of the run.
        """
        if self.plan.single:
            pin = self.pins.get(OWN)
        elif node.kind is Kind.SCRIPT:
            pin = self.pin(node)
        else:
            pin = self.pins.get(inline_key(path, node.id))
        return None if pin is None else pin.imports

    @property
    def is_dry(self) -> bool:
        """Return whether the runs are dry runs."""
        return DRY in self.pins

    def require_executable(self, node: Node) -> None:
        """Raise AssertionError if the run is a dry run that must not execute the node.

        Independent of the plan, which answers for such a node so that it is never enqueued.
        """
        dry = self.pins.get(DRY)
        if dry is not None and node.kind.runs_code and node.effects not in (dry.executes or ()):
            raise AssertionError(f"a dry run must not execute the node {node.id}, which {node.effects}")

    def _pin(self, key: str) -> Pin:
        found = self.pins.get(key)
        if found is None:
            raise VersionNotPinned(
                f"No version of {key.removeprefix(flow_key(''))} was chosen when the run started.",
                hint="Start the workflow again instead of continuing the run.",
            )
        return found

    def cache_s(self, node: Node) -> float | None:
        """Return the seconds for which a result is cached: the node's setting, otherwise its script's."""
        if self.is_dry:
            return None
        if node.cache_s is not None:
            return node.cache_s
        pin = self.pins.get(OWN) if self.plan.single else None
        if node.kind is Kind.SCRIPT:
            pin = self.pin(node)
        return duration.setting(pin.limits.get("cache_ttl")) if pin is not None and pin.limits else None

    def variables(self, node: Node) -> Mapping[str, str]:
        """Return the environment variables that the script of the node sets for its jobs."""
        pin = self.pins.get(OWN) if self.plan.single else None
        if node.kind is Kind.SCRIPT:
            pin = self.pin(node)
        return pin.variables or {} if pin is not None else {}

    def is_dedicated(self, node: Node) -> bool:
        """Return whether the node's jobs may share a process with others of the same code."""
        own = self.pins.get(OWN)
        if self.plan.single or (own is not None and own.dedicated):
            return own is not None and own.dedicated
        if node.kind is Kind.SCRIPT and self.pin(node).dedicated:
            return True
        return node.value.get("dedicated") is True


class _LruCache(Generic[K, V]):
    """LRU cache of at most `limit` values."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        if len(self._values) > self._limit:
            self._values.popitem(last=False)


class Blueprints:
    """Process-wide cache of blueprints and script texts. Its entries are immutable and never stale."""

    def __init__(self) -> None:
        self._blueprints: _LruCache[tuple[bytes | None, bytes | None], Blueprint] = _LruCache(_MAX_BLUEPRINTS)
        self._documents: _LruCache[bytes, bytes] = _LruCache(_MAX_DOCUMENTS)
        self._early_jobs: _LruCache[UUID, UUID] = _LruCache(_MAX_EARLY_JOBS)
        self._singles = {kind: Blueprint(single_plan(kind), {}) for kind in (Kind.RAWSCRIPT, Kind.IDENTITY)}

    def record_start(self, run: UUID, plan: Plan) -> None:
        """Record which node provides the early response of a run started in this process, where its caller waits."""
        if plan.early is not None:
            self._early_jobs.put(run, node_job_id(run, plan.node(plan.early).id))

    def get_early_job(self, run: UUID) -> UUID | None:
        """Return the job id of the node that provides the run's early response; None if the run's result does."""
        return self._early_jobs.get(run)

    def get_cached(self, run: RunRow) -> Blueprint | None:
        """Return the cached blueprint of a live run, or None."""
        if is_workflow(run.kind):
            return self._blueprints.get((run.document, run.pin_set))
        if run.pin_set is None:
            return self._singles[Kind.IDENTITY if run.kind == "identity" else Kind.RAWSCRIPT]
        return self._blueprints.get((None, run.pin_set))

    async def of(self, connection: Connection, run: RunRow, *, is_call: bool = False) -> Blueprint:
        """Return the blueprint of a live run. Raises LookupError if its document is gone, and StateTooNew.

        `is_call`: for a call of the API. Raises RateLimited if too many calls wait for large documents.
        """
        if run.engine_version > ENGINE_VERSION:
            raise StateTooNew.of(run.engine_version)
        cached = self.get_cached(run)
        if cached is None and not is_workflow(run.kind) and run.pin_set is not None:
            cached = single(read_pins(await runs.get_pin_set(connection, run.pin_set)))
            self._blueprints.put((None, run.pin_set), cached)
        return cached or await self.workflow(connection, run.document, run.pin_set, is_call=is_call)

    async def workflow(
        self, connection: Connection, digest: bytes | None, pin_set: bytes | None, *, is_call: bool = True
    ) -> Blueprint:
        """Return the blueprint of a workflow's document under a pin set (None: no scripts). Raises LookupError.

        `is_call`: for a call of the API. Raises RateLimited if too many calls wait for large documents.
        """
        cached = self._blueprints.get((digest, pin_set))
        if cached is not None:
            return cached
        if digest is None:
            raise LookupError("the run of a workflow names no document")
        body = await runs.get_document(connection, digest)
        plan = await (compiled_for_call(digest, body) if is_call else compiled(body))
        pins = read_pins(await runs.get_pin_set(connection, pin_set)) if pin_set else {}
        blueprint = blueprint_of(plan, pins)
        self._blueprints.put((digest, pin_set), blueprint)
        return blueprint

    def get_cached_text(self, digest: bytes) -> str | None:
        """Return the cached script with this hash, or None."""
        body = self._documents.get(digest)
        return None if body is None else body.decode("utf-8", "replace")

    async def text(self, connection: Connection, digest: bytes) -> str:
        """Return the script with this hash. Raises LookupError."""
        body = self._documents.get(digest)
        if body is None:
            body = await runs.get_document(connection, digest)
            if len(body) <= _MAX_CACHED_DOCUMENT:
                self._documents.put(digest, body)
        return body.decode("utf-8", "replace")


def is_workflow(kind: str) -> bool:
    """Return whether runs of this kind have a plan of their own."""
    return kind in ("flow", "flowpreview")


def pin_key(value: Mapping[str, Any]) -> str:
    """Return the key of a script node's pin."""
    version = value.get("hash")
    return f"{value['path']}@{version}" if version else str(value["path"])


def unavailable(path: str) -> Pin:
    """Return the pin of a script that is not available; its node fails when it runs."""
    return Pin(path=path, version=0, document="", language=HUB_LANGUAGE)


def flow_key(path: str) -> str:
    """Return the key of a workflow's pin."""
    return f"flow:{path}"


_INLINE = "imports:"


def inline_key(path: str | None, node: str) -> str:
    """Return the key of the imports of an inline script in the workflow at `path`."""
    return f"{_INLINE}{path or ''}:{node}"


def inline_pins(path: str | None, imports: Mapping[str, str]) -> dict[str, Pin]:
    """Return the pins of the imports of a workflow's inline scripts; `imports`: hashes of closures by node."""
    return {
        inline_key(path, node): Pin(path="", version=0, document="", language="", imports=digest)
        for node, digest in imports.items()
    }


def inline_imports(pins: Pins, path: str | None) -> dict[str, Pin]:
    """Return the pins of the imports of the inline scripts in the workflow at `path`, by node."""
    start = inline_key(path, "")
    return {key.removeprefix(start): pin for key, pin in pins.items() if key.startswith(start)}


def lasting_pins(pins: Pins) -> dict[str, Pin]:
    """Return the pins of a workflow's run that a restart of it uses without resolving them again."""
    return {key: pin for key, pin in pins.items() if key in (OWN, DRY) or key.startswith(_INLINE)}


def dry_pins(executes: Sequence[str]) -> dict[str, Pin]:
    """Return the pin of a dry run that executes the nodes with these effects."""
    return {DRY: Pin(path="", version=0, document="", language="", executes=tuple(executes))}


_SCOPE = "|"


def scoped(pins: Pins, scope: str) -> dict[str, Pin]:
    """Return the pins inside workflows that act for `scope` (`u/<username>`), under keys with that scope.

    These versions were accepted for that member and may differ from outer pins of the same paths. An empty scope
    changes nothing.
    """
    return {scoped_key(key, scope): pin for key, pin in pins.items()}


def scoped_key(key: str, scope: str) -> str:
    """Return the key of a pin inside workflows that act for `scope`."""
    return f"{scope}{_SCOPE}{key}" if scope else key


def pins_inside(pins: Pins, scope: str) -> dict[str, Pin]:
    """Return the pins of the run of a workflow that acts for `scope`; `pins` are those of its caller.

    The result is empty if the workflow names no script and no workflow by path, but for the pin of a dry run.
    """
    start = f"{scope}{_SCOPE}"
    inner = {key.removeprefix(start): pin for key, pin in pins.items() if key.startswith(start)}
    dry = {key: pin for key, pin in pins.items() if key == DRY}
    return dry | inner | {key: pin for key, pin in pins.items() if _SCOPE in key} if inner else dry


def unscoped(key: str) -> str:
    """Return the name in a key of a pin set, without its scope."""
    return key.rpartition(_SCOPE)[2]


def own_pins(
    settings: Mapping[str, Any], retry: dict[str, Any] | None = None, imports: str | None = None
) -> dict[str, Pin]:
    """Return the pin with the settings for all jobs: those of a script or workflow, and the `retry` of this run.

    `imports` is the hash (hex) of the closure that a script imports.
    """
    dedicated, limits = settings.get("dedicated_worker") is True, limits_of(settings)
    variables = variables_of(settings)
    if not (dedicated or retry or limits or imports or variables):
        return {}
    own = Pin(path="", version=0, document="", language="", dedicated=dedicated, retry=retry, limits=limits)
    return {OWN: replace(own, imports=imports, variables=variables)}


def preview_pins(imports: str | None, lock: str | None, flow_path: str | None) -> dict[str, Pin]:
    """Return the pin of a preview of a script; `imports` as in `own_pins`."""
    if not (imports or lock or flow_path):
        return {}
    own = Pin(path="", version=0, document="", language="", imports=imports, lock=lock, flow_path=flow_path)
    return {OWN: own}


def variables_of(settings: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the environment variables among the settings of a script; None if it sets none."""
    return job_variables.of_script(settings.get("envs"))[0] or None


def limits_of(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the limits among the settings of a script; None if it has none."""
    named = {name: settings[name] for name in _LIMITS if settings.get(name)}
    if duration.erased_after(settings.get(_ERASED)) is not None:
        named[_ERASED] = settings[_ERASED]
    return named or None


_ERASED = "delete_after_secs"
_LIMITS = ("concurrent_limit", "concurrency_time_window_s", "concurrency_key", "cache_ttl")


def blueprint_of(plan: Plan, pins: Pins) -> Blueprint:
    """Return the blueprint of a workflow under these pins; limits of scripts apply to the nodes that run them."""
    if any(pin.limits for key, pin in pins.items() if key != OWN):
        plan = _with_limits(plan, pins)
    dry = pins.get(DRY)
    return Blueprint(plan if dry is None else dry_plan(plan, dry.executes or ()), pins)


def _with_limits(plan: Plan, pins: Pins) -> Plan:
    def gate_of(node: Node) -> Gate | None:
        pin = pins.get(pin_key(node.value)) if node.kind is Kind.SCRIPT else None
        return gates.of_script(node.value, pin.path, pin.limits) if pin is not None and pin.limits else None

    scripts = {node.number: pins.get(pin_key(node.value)) for node in plan.all_nodes if node.kind is Kind.SCRIPT}
    by_script = {number: after for number, pin in scripts.items() if (after := _erased_after(pin)) is not None}
    erasures = tuple({**by_script, **dict(plan.erasures)}.items())
    return replace(gates.with_gates(plan, gate_of), erasures=erasures)


def _erased_after(pin: Pin | None) -> float | None:
    return duration.erased_after(pin.limits.get(_ERASED)) if pin is not None and pin.limits else None


def single(pins: Pins) -> Blueprint:
    """Return the blueprint of a run of one script under these pins."""
    own = pins.get(OWN)
    if own is None:
        return Blueprint(single_plan(Kind.RAWSCRIPT), pins)
    gate = gates.of_settings(own.limits or {}, ("script/", gates.PATH), gates.of_input)
    after = _erased_after(own)
    erasures = () if after is None else ((-1, after),)
    return Blueprint(single_plan(Kind.RAWSCRIPT, retry=own.retry, gate=gate, erasures=erasures), pins)


def write_pins(pins: Pins) -> tuple[bytes, str]:
    """Return the hash and JSON text of a pin set; equal pins yield equal hashes."""
    text = msgspec.json.encode(dict(sorted(pins.items())))
    return hashlib.sha256(text).digest(), text.decode()


def read_pins(text: str) -> Pins:
    """Parse the text that `write_pins` returned."""
    return msgspec.json.decode(text, type=dict[str, Pin])


def work_of(blueprint: Blueprint, node: Node, run: RunRow) -> Work:
    """Return the work of a node's job. Its queue is the tag of the node, the script, the run or the language."""
    pinned = run.queue if is_pinned(run.queue) else None
    tag = in_workspace(node.tag, run.workspace)
    tag = None if is_pinned(tag) else tag
    if node.kind is Kind.IDENTITY:
        return Work("identity", None, None, tag or (pinned is None and run.queue) or NATIVE_QUEUE, None, None)
    if node.kind is Kind.WEBHOOK:
        return Work("flowscript", None, None, tag or (pinned is None and run.queue) or WEBHOOK_QUEUE, None, None)
    if blueprint.plan.single:
        language = run.language or ""
        return Work(run.kind, language, run.path, _first_allowed(run.queue) or language, run.timeout_s, run.document)
    if node.kind is Kind.SCRIPT:
        pin = blueprint.pin(node)
        queue = pinned or _first_allowed(tag, in_workspace(pin.tag, run.workspace), run.queue) or pin.language
        return Work("script", pin.language, pin.path, queue, pin.timeout_s, bytes.fromhex(pin.document) or None)
    language = str(node.value["language"])
    return Work("flowscript", language, None, pinned or _first_allowed(tag, run.queue) or language, None, None)


def queues_of(blueprint: Blueprint, run: RunRow) -> set[str]:
    """Return the queues of the jobs of a run that is not bound to a worker, and the tags of its sub-workflows."""
    found = {run.queue} if run.queue is not None else set()
    for node in blueprint.plan.all_nodes:
        with suppress(VersionNotPinned):  # the node fails when it runs
            if node.kind is Kind.FLOW:
                tag = in_workspace(blueprint.flow_pin(node).tag, run.workspace)
                found |= {tag} if tag else set()
            elif node.kind.runs_code or node.kind is Kind.IDENTITY:
                found.add(work_of(blueprint, node, run).queue)
    return found


def _first_allowed(*tags: str | None) -> str | None:
    """Return the first tag that a script may have: not one of a single worker.

    Jobs in the native and webhook queues have no slot, and so no user of their own to run a process as; scripts never
    run there.
    """
    return next((tag for tag in tags if tag and tag not in (NATIVE_QUEUE, WEBHOOK_QUEUE) and not is_pinned(tag)), None)
