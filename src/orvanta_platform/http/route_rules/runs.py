"""Routes that start, show and change runs, by rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("preview", "check_flow"): """
            POST flows/validate
            GET templates/list
            GET templates/get/{name}
        """,
        ("preview", "check_script"): "POST scripts/schema",
        ("preview", "run"): """
            POST jobs/run/preview
            POST jobs/run/preview_flow
            POST jobs/dry_run/preview_flow
            POST jobs/run/dependencies_async
            POST jobs/run/flow_dependencies_async
            POST jobs/run_wait_result/preview
            POST jobs/run_inline/preview
            POST jobs/run_wait_result/preview_flow
        """,
        ("run", "read"): """
            GET jobs_u/get/{id}
            GET jobs_u/completed/get/{id}
            GET jobs_u/completed/get_result/{id}
            GET jobs_u/completed/get_result_maybe/{id}
            GET jobs_u/completed/get_timing/{id}
            GET jobs_u/get_flow_debug_info/{id}
            GET jobs_u/getupdate/{id}
            GET jobs_u/getupdate_sse/{id}
            GET jobs_u/get_logs/{id}
            GET jobs_u/get_flow_all_logs/{id}
            GET jobs_u/get_args/{id}
            GET inputs/{id}/args
            GET jobs_u/get_root_job_id/{id}
            GET jobs/dry_run/get/{id}
            GET jobs/result_by_id/{flow_job_id}/{node_id}
            GET jobs/list
            GET jobs/queue/list
            GET jobs/completed/list
            GET jobs/histogram
            GET concurrency_groups/list_jobs
            GET jobs/item_histories
            GET jobs/list_filtered_uuids
            GET jobs/queue/list_filtered_uuids
            GET overview
            GET jobs/queue/count
            GET jobs/completed/count
            GET jobs/completed/export
            GET jobs/queue/position/{scheduled_for}
            GET jobs_u/flow/approval_info/{job_id}
            GET approvals/list
            GET jobs/flow/user_states/{id}/{key}
            GET job_metrics/get_progress/{id}
            GET /api/v1/runs/{run_id}
            GET /api/v1/runs/{run_id}/about
            GET /api/v1/runs/{run_id}/failure
            GET /api/v1/runs/{run_id}/document
            GET /api/v1/runs/{run_id}/graph
            GET /api/v1/runs/{run_id}/compare/{other}
            GET /api/v1/runs/{run_id}/nodes/{node}/inputs
            GET /api/v1/runs/{run_id}/events
            GET /api/v1/runs/{run_id}/stream
            GET /api/v1/runs/{run_id}/pauses
            GET /api/v1/runs/{run_id}/pauses/{job}
            GET /api/v1/runs/search
        """,
        ("run", "cancel"): """
            POST jobs_u/queue/cancel/{id}
            POST jobs_u/queue/force_cancel/{id}
            POST jobs/queue/cancel_selection
        """,
        ("run", "identify"): "POST oidc/token/{audience}",
        ("run", "erase"): "POST jobs/completed/delete/{id}",
        ("run", "pause"): """
            PUT /api/v1/runs/{run_id}/pauses/before/{node}
            DELETE /api/v1/runs/{run_id}/pauses/before/{node}
            POST /api/v1/runs/{run_id}/pauses/{job}/continue
        """,
        ("run", "decide"): """
            GET jobs/resume_urls/{id}/{resume_id}
            GET jobs/job_signature/{id}/{resume_id}
            POST jobs_u/flow/resume_suspended/{job_id}
            POST jobs/flow/resume/{id}
            POST /api/v1/runs/{id}/consent
        """,
        ("run", "write_state"): """
            POST jobs/flow/user_states/{id}/{key}
            POST job_metrics/set_progress/{id}
            POST jobs/run/code_flow/{job_id}/{entrypoint}
        """,
    }
)
