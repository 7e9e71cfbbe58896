"""Workflows of Kestra, from their YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.importers.findings import (
    Conversion,
    Report,
    Unconvertible,
    flow_item,
    record,
    records,
    shortened,
)
from orvanta_platform.workflow.importers.kestra_tasks import CONVERTERS, ConvertedTask, kind_of, schema, seconds
from orvanta_platform.workflow.importers.kestra_templates import Task, TemplateContext
from orvanta_platform.workflow.importers.kestra_triggers import trigger_items
from orvanta_platform.workflow.importers.node_values import (
    has_reference,
    javascript,
    placeholder,
    static,
    without_sequential_needs,
)
from orvanta_platform.workflow.importers.source_settings import SourceSettings, report_unread
from orvanta_platform.workflow.limits import MAX_NODES

_LISTS: Final = frozenset({"flow.Sequential", "flows.Sequential", "flow.WorkingDirectory", "flows.WorkingDirectory"})
_PARALLEL: Final = frozenset({"flow.Parallel", "flows.Parallel"})
_IF: Final = frozenset({"flow.If", "flows.If"})
_SWITCH: Final = frozenset({"flow.Switch", "flows.Switch"})
_LOOPS: Final = frozenset({"flow.ForEach", "flow.EachSequential", "flows.EachSequential", "flow.EachParallel",
                           "flows.EachParallel"})  # fmt: skip
_ALLOW: Final = frozenset({"flow.AllowFailure", "flows.AllowFailure"})
_DAG: Final = frozenset({"flow.Dag", "flows.Dag"})
_FLOWABLE: Final = _LISTS | _PARALLEL | _IF | _SWITCH | _ALLOW | _DAG
_MAX_DEPTH: Final = 30
_PROPERTIES: Final = frozenset(
    {
        *("id", "namespace", "revision", "description", "labels", "inputs", "outputs", "variables", "tasks", "errors"),
        *("triggers", "concurrency", "pluginDefaults", "taskDefaults", "disabled", "deleted", "source", "tenantId"),
        *("created", "updated"),
    }
)
"""Properties of a flow that are converted, or that the server writes."""

_TASKS: Final = ("finally", "afterExecution", "listeners", "sla", "checks")
"""Properties of a flow with tasks that have no equivalent."""

_IGNORED: Final = frozenset(
    {
        *("id", "type", "description", "disabled", "logLevel", "namespace"),
        *("docker", "runner", "taskRunner", "containerImage", "targetOS", "interpreter", "warningOnStdErr"),
        *("dependencies", "packageManager", "pythonVersion", "version"),
        *("url", "host", "port", "username", "password", "transportStrategy", "fetchType", "fetch", "fetchOne"),
        *("auth", "basicAuthUser", "basicAuthPassword"),
    }
)
"""Properties of tasks without an effect here: environments of scripts, and connections that resources replace."""

_LIST: Final = "(v => typeof v === 'string' ? JSON.parse(v) : v)"


class IncomingEdges(msgspec.Struct, frozen=True):
    """Edges that the next task follows."""

    needs: tuple[Any, ...] = ()
    settled: bool = False
    """True if some of the edges may be dead."""

    def __add__(self, other: IncomingEdges) -> IncomingEdges:
        extra = tuple(each for each in other.needs if each not in self.needs)
        return IncomingEdges((*self.needs, *extra), self.settled or other.settled)


@dataclass(slots=True)
class TaskListBuilder:
    """Conversion of a list of tasks under way."""

    context: TemplateContext
    defaults: list[dict[str, Any]]
    modules: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    depth: int = 0

    def tasks(self, found: Any, edges: IncomingEdges) -> IncomingEdges:
        """Append tasks that run one after the other, and return the edges that leave the last one."""
        for task in self._checked(found):
            if task.get("disabled") is not True:
                edges = self._task(task, edges)
        return edges

    def _checked(self, found: Any) -> Iterator[SourceSettings]:
        for place, row in enumerate(found if isinstance(found, list) else []):
            if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not isinstance(row.get("type"), str):
                raise BadRequest(f"Entry {place} of a list of tasks has no id or type.", hint="Export the flow again.")
            if row["id"] in self.context.tasks:
                raise BadRequest(f"Two tasks have the id {shortened(row['id'])!r}.", hint="Rename one of them.")
            self.count += 1
            if self.count > MAX_NODES:
                raise BadRequest(f"The workflow has more than {MAX_NODES} tasks.")
            values: dict[str, Any] = {}
            forced: dict[str, Any] = {}
            for each in self.defaults:
                if isinstance(each.get("type"), str) and row["type"].startswith(each["type"]):
                    chosen = forced if each.get("forced") is True else values
                    chosen |= record(each.get("values"))
            yield SourceSettings({**values, **row, **forced})

    def _task(self, task: SourceSettings, edges: IncomingEdges) -> IncomingEdges:
        kind = kind_of(task)
        if kind in _FLOWABLE:
            left = self._container(kind, task, edges)
        else:
            left = self._loop(task, edges) if kind in _LOOPS else self._plain(task, edges)
        report_unread(self.context.report, task["id"], task, _IGNORED)
        return left

    def _container(self, kind: str, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        for name in ("runIf", "retry", "timeout", "errors", "allowFailure"):
            if task.get(name):
                self._report_property(task, f"The property {name} of this task has no equivalent.")
        if self.depth >= _MAX_DEPTH:
            raise BadRequest(f"The task {shortened(task['id'])!r} is nested deeper than {_MAX_DEPTH} levels.")
        self.depth += 1
        outer, self.context.parents = self.context.parents, (*self.context.parents, "flow")
        self.context.tasks[task["id"]] = Task("", {}, self.context.loops)
        left = self._flowable(kind, task, edges)
        self.context.parents = outer
        self.depth -= 1
        return left

    def _flowable(self, kind: str, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        if kind in _IF:
            return self._if(task, edges)
        if kind in _SWITCH:
            return self._switch(task, edges)
        if kind in _PARALLEL:
            return self._parallel(task, edges)
        if kind in _DAG:
            return self._dag(task, edges)
        if kind in _ALLOW:
            return self._block(task, edges)
        if kind.endswith("WorkingDirectory"):
            self._report_property(task, "The tasks share no folder.")
        return self.tasks(task.get("tasks"), edges)

    def _block(self, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        """Append a branch with the tasks, the failure of which does not fail the run."""
        node = self.context.report.new_id(task["id"])
        outer, self.modules = self.modules, []
        self.tasks(task.get("tasks"), IncomingEdges())
        body, self.modules = without_sequential_needs(self.modules), outer
        self.add(task, {"type": "branchone", "branches": [], "default": body}, edges, node)
        self.modules[-1]["continue_on_error"] = True
        return IncomingEdges((node,))

    def _report_property(self, task: dict[str, Any], message: str) -> None:
        hint = "Set it on the tasks inside, such as continue_on_error or retry."
        self.context.report.add(task["id"], "not_converted", message, hint)

    def add(self, task: dict[str, Any], value: dict[str, Any], edges: IncomingEdges, id: str | None = None) -> str:
        """Append a node after these edges, and return its id."""
        made = id or self.context.report.new_id(task["id"])
        module: dict[str, Any] = {"id": made, "summary": str(task.get("description") or task["id"]), "value": value}
        module["needs"] = list(edges.needs)
        if edges.settled and len(edges.needs) > 1:
            module["join"] = "settled"
        self.modules.append(module)
        return made

    def _plain(self, task: SourceSettings, edges: IncomingEdges) -> IncomingEdges:
        id = task["id"]
        converter = CONVERTERS.get(kind_of(task))
        try:
            if converter is None:
                raise Unconvertible(f"the type {task['type']} has no equivalent")
            made = converter(self.context, id, task)
        except Unconvertible as reason:
            self.context.report.add(
                id,
                "not_converted",
                f"The task is not converted: {reason}.",
                "Replace the placeholder, which holds the old settings and fails, by a script.",
            )
            task.read_all()
            made = ConvertedTask(placeholder(id, task["type"], task), {"*": "{0}"})
        kind = made.value["type"]
        node = self.add(task, made.value, edges)
        settings = self._settings(task, kind)
        if kind == "condition" and "skip_if" in settings:  # skipped, it would take neither of its edges
            made.value["expr"] = f"({settings.pop('skip_if')['expr']} || ({made.value['expr']}))"
        self.modules[-1] |= settings
        self.context.tasks[id] = Task(node, made.outputs, self.context.loops, made.scalars)
        if kind != "condition":
            return IncomingEdges((node,))
        return IncomingEdges(({"node": node, "on": "always" if settings.get("continue_on_error") else "true"},))

    def _settings(self, task: dict[str, Any], kind: str) -> dict[str, Any]:
        """Return the settings of a node for failures, time limits and conditions."""
        found: dict[str, Any] = {}
        id = task["id"]
        if task.get("allowFailure") is True:
            found["continue_on_error"] = True
        if task.get("runIf") is not None:
            found["skip_if"] = {"expr": f"!({self.context.condition(id, task['runIf'])})"}
        if task.get("retry") is not None and kind not in ("condition", "delay", "approval"):
            found |= self._retry(task)
        if task.get("timeout") is not None and kind != "approval":
            limit = seconds(task["timeout"])
            if limit is None:
                self.context.report.add(
                    id, "not_converted", "The timeout is no constant.", "Set the timeout of the node."
                )
            else:
                found["timeout"] = static(limit)
        return found

    def _retry(self, task: dict[str, Any]) -> dict[str, Any]:
        rule = record(task["retry"])
        attempts = rule.get("maxAttempts", rule.get("maxAttempt"))
        every = seconds(rule.get("interval", rule.get("minInterval")))
        if every is None or (attempts is not None and not isinstance(attempts, int)):
            self.context.report.add(
                task["id"], "not_converted", "The retry has no equivalent.", "Set the retry of the node."
            )
            return {}
        limit = seconds(rule.get("maxDuration"))
        if attempts is None:
            attempts = int(limit // max(every, 1)) + 1 if limit else 3
        if rule.get("type", "constant") != "constant":
            self.context.report.add(
                task["id"],
                "differs",
                "The delays between the attempts are constant.",
                "Set an exponential retry if needed.",
            )
        if attempts < 2:
            return {}
        return {"retry": {"constant": {"attempts": min(attempts - 1, 1000), "seconds": max(1, round(every))}}}

    def _if(self, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        expr = self.context.condition(task["id"], task.get("condition", ""))
        id = self.add(task, {"type": "condition", "expr": expr}, edges)
        yes = self.tasks(task.get("then"), IncomingEdges(({"node": id, "on": "true"},), True))
        no = self.tasks(task.get("else"), IncomingEdges(({"node": id, "on": "false"},), True))
        joined = yes + no
        return IncomingEdges(joined.needs, True)

    def _switch(self, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        value = self.context.expr(task["id"], task.get("value", ""), text=True)
        left = IncomingEdges((), True)
        id = ""
        for number, (case, tasks) in enumerate(record(task.get("cases")).items()):
            name = task["id"] if number == 0 else f"{task['id']}_{number + 1}"
            expr = f"{value} === {self.context.expr(task['id'], case, text=True)}"
            id = self.add(task, {"type": "condition", "expr": expr}, edges, self.context.report.new_id(name))
            left += self.tasks(tasks, IncomingEdges(({"node": id, "on": "true"},), True))
            edges = IncomingEdges(({"node": id, "on": "false"},), True)
        return left + self.tasks(task.get("defaults"), edges)

    def _parallel(self, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        if task.get("concurrent"):
            self.context.report.add(
                task["id"],
                "differs",
                "All tasks run at the same time.",
                "Limit them with concurrent_limit if necessary.",
            )
        left = IncomingEdges()
        rows = task.get("tasks")
        for each in rows if isinstance(rows, list) else []:
            left += self.tasks([each], edges)
        return left if left.needs else edges

    def _dag(self, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        rows = {
            row["task"]["id"]: row
            for row in records(task.get("tasks"))
            if isinstance(row.get("task"), dict) and isinstance(row["task"].get("id"), str)
        }
        unknown = sorted({each for row in rows.values() for each in self._depends(row)} - rows.keys())
        if unknown:
            raise BadRequest(f"Tasks of {shortened(task['id'])!r} depend on {shortened(unknown[0])!r}, which it lacks.")
        ends: dict[str, IncomingEdges] = {}
        while rows:
            ready = [id for id, row in rows.items() if all(each in ends for each in self._depends(row))]
            if not ready:
                raise BadRequest(
                    f"The tasks of {shortened(task['id'])!r} depend on each other: {', '.join(rows)[:200]}."
                )
            for id in ready:
                row = rows.pop(id)
                before = [ends[each] for each in self._depends(row)]
                start = sum(before, IncomingEdges()) if before else edges
                ends[id] = self.tasks([row["task"]], start)
        return sum(ends.values(), IncomingEdges()) if ends else edges

    def _depends(self, row: dict[str, Any]) -> list[str]:
        found = row.get("dependsOn")
        return [str(each) for each in found] if isinstance(found, list) else []

    def _loop(self, task: dict[str, Any], edges: IncomingEdges) -> IncomingEdges:
        id = task["id"]
        if self.depth >= _MAX_DEPTH:
            raise BadRequest(f"The task {shortened(id)!r} is nested deeper than {_MAX_DEPTH} levels.")
        values = task.get("values", task.get("value"))
        items = self.context.expr(id, values)
        node = self.context.report.new_id(id)
        limit = task.get("concurrencyLimit", task.get("concurrent"))
        parallel = kind_of(task).endswith("EachParallel") or (isinstance(limit, int) and limit != 1)
        self.depth += 1
        outer, self.modules = self.modules, []
        loops, parents = self.context.loops, self.context.parents
        self.context.loops, self.context.parents = (*loops, id), (*parents, "loop")
        self.tasks(task.get("tasks"), IncomingEdges())
        body, self.modules = without_sequential_needs(self.modules), outer
        self.context.loops, self.context.parents = loops, parents
        self.depth -= 1
        iterator = items if items.startswith("[") else f"{_LIST}({items})"
        value: dict[str, Any] = {"type": "forloopflow", "iterator": javascript(iterator), "skip_failures": False}
        value |= {"parallel": True} if parallel else {}
        value |= {"parallelism": static(limit)} if parallel and isinstance(limit, int) and limit > 1 else {}
        self.add(task, {**value, "modules": body}, edges, node)
        self.modules[-1] |= self._settings(task, "forloopflow")
        self.context.tasks[id] = Task(node, {}, loops)
        return IncomingEdges((node,))


def convert(tree: Any, path: str, integrations: Mapping[str, str]) -> Conversion:
    """Return the conversion of a flow for a path of the workspace. Nothing in it is executed.

    Parts without an equivalent become placeholders that fail when they run. `integrations` contains the code of the
    integrations by name, for nodes that send mail or messages. Raises BadRequest if it is not a flow.
    """
    if not isinstance(tree, dict) or not isinstance(tree.get("tasks"), list) or not isinstance(tree.get("id"), str):
        raise BadRequest(
            "The file is no flow of Kestra: it has no id or no list of tasks.", hint="Pass the YAML of a flow."
        )
    report = Report(path, integrations)
    inputs = {str(row.get("id", row.get("name"))): row for row in records(tree.get("inputs"))}
    variables = record(tree.get("variables"))
    context = TemplateContext(report, tree, inputs, variables)
    builder = TaskListBuilder(context, records(tree.get("pluginDefaults", tree.get("taskDefaults"))))
    builder.tasks(tree["tasks"], IncomingEdges())
    value: dict[str, Any] = {"modules": without_sequential_needs(builder.modules)}
    if rows := records(tree.get("outputs")):
        members = {str(row.get("id")): row.get("value") for row in rows}
        value["output"] = javascript(context.expr("outputs", members))
    if constants := {name: each for name, each in variables.items() if not has_reference(each)}:
        value["flow_env"] = constants
    if tree.get("errors"):
        value["failure_module"] = _failure(builder, tree["errors"])
    _concurrency(tree, value, report)
    for name in _TASKS:
        if tree.get(name):
            report.add(None, "not_converted", f"The property {name} has no equivalent.", "Add its tasks as nodes.")
    for name in (each for each in tree if tree[each] and each not in (*_PROPERTIES, *_TASKS)):
        report.add(None, "not_converted", f"The property {name} has no equivalent.", "Check the workflow.")
    document: dict[str, Any] = {
        "summary": tree["id"],
        "value": value,
        "schema": schema(context, tree.get("inputs")),
    }
    if labels := _labels(tree.get("labels")):
        document["labels"] = labels
    if isinstance(tree.get("description"), str):
        document["description"] = tree["description"]
    if tree.get("disabled") is True:
        report.add(None, "differs", "The flow is disabled; a workflow can always be started.", "Do not push it yet.")
    items = (flow_item(path, document), *trigger_items(tree, context))
    return Conversion(path, items, builder.count, tuple(report.findings))


def _labels(found: Any) -> list[str]:
    """Return labels, which Kestra writes as an object or as a list of keys and values."""
    pairs = [(row.get("key"), row.get("value")) for row in records(found)] or list(record(found).items())
    return [f"{key}: {value}" for key, value in pairs]


def _failure(builder: TaskListBuilder, tasks: Any) -> dict[str, Any]:
    """Return the failure module: the tasks for errors, then a failure, as the run stays failed in Kestra."""
    builder.modules = []
    edges = builder.tasks(tasks, IncomingEdges())
    again = "(() => { throw new Error(error.message) })()"
    name = {"id": "fail_again", "type": "fail"}
    builder.add(name, {"type": "condition", "expr": again}, edges, builder.context.report.new_id("fail_again"))
    value = {"type": "branchone", "branches": [], "default": without_sequential_needs(builder.modules)}
    return {"id": "failure", "value": value}


def _concurrency(tree: dict[str, Any], value: dict[str, Any], report: Report) -> None:
    rule = record(tree.get("concurrency"))
    limit = rule.get("limit")
    if isinstance(limit, int) and limit > 0:
        value["concurrent_limit"] = limit
        if rule.get("behavior", "QUEUE") != "QUEUE":
            report.add(None, "differs", "Runs over the limit wait.", "Cancel them in a first node if necessary.")
