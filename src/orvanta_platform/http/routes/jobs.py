"""All routes of runs, jobs and workers."""

from __future__ import annotations

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from orvanta_platform.http.routes import (
    approvals,
    jobs_list,
    jobs_observe,
    jobs_restart,
    jobs_run,
    jobs_state,
    runs_observe,
    workers,
)

ROUTES: list[HTTPRouteHandler | Router] = [
    *jobs_run.ROUTES,
    *jobs_restart.ROUTES,
    *jobs_observe.ROUTES,
    *jobs_list.ROUTES,
    *approvals.ROUTES,
    *jobs_state.ROUTES,
    *runs_observe.ROUTES,
    *workers.ROUTES,
]
