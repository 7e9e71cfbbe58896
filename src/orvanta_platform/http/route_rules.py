"""Permission rules of the API routes, as documentation and as the expectation that tests check the server against.

Services decide (`control.permissions.RULES`); nothing reads this table to grant access. A test sends every route as
every role and compares the responses with it. It fails for routes that are missing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

NO_TOKEN = "no token"
SIGNED_LINK = "signed link"
ROUTE_CREDENTIALS = "route credentials"

_W = "/api/w/{workspace}/"

ROUTE_RULES: Mapping[tuple[str, str] | str, str] = MappingProxyType(
    {
        NO_TOKEN: """
            GET /api/version
            GET /api/health/status
            GET /api/health/live
            GET /api/health/ready
            GET /api/openapi.json
            GET /api/openapi.yaml
            POST /api/auth/login
            POST /api/auth/enrol_totp
            GET /api/auth/oidc/providers
            POST /api/auth/oidc/start
            GET /api/auth/oidc/callback/{provider}
            POST /api/auth/first_password
            GET /api/oidc/.well-known/openid-configuration
            GET /api/oidc/jwks
        """,
        SIGNED_LINK: """
            POST jobs_u/resume/{id}/{resume_id}/{signature}
            GET jobs_u/resume/{id}/{resume_id}/{signature}
            POST jobs_u/cancel/{id}/{resume_id}/{signature}
            GET jobs_u/cancel/{id}/{resume_id}/{signature}
            GET jobs_u/get_flow/{id}/{resume_id}/{signature}
        """,
        ROUTE_CREDENTIALS: """
            GET /api/r/{path}
            POST /api/r/{path}
            PUT /api/r/{path}
            PATCH /api/r/{path}
            DELETE /api/r/{path}
        """,
        ("account", "read"): """
            POST /api/auth/logout
            POST /api/auth/oidc/logout
            POST /api/auth/end_impersonation
            GET /api/users/whoami
            GET /api/users/email
            GET /api/users/list_invites
            GET /api/users/totp/get
        """,
        ("account", "write"): """
            POST /api/users/setpassword
            POST /api/users/accept_invite
            POST /api/users/decline_invite
            POST /api/users/totp/enrol
            POST /api/users/totp/confirm
            POST /api/users/totp/disable
        """,
        ("token", "read"): """
            GET /api/users/tokens/list
            GET /api/users/tokens/max_age
            GET /api/users/sessions/list
        """,
        ("token", "write"): """
            POST /api/users/tokens/create
            DELETE /api/users/tokens/delete/{token_prefix}
            DELETE /api/users/sessions/delete/{token_prefix}
        """,
        ("instance", "list_workspaces"): """
            GET /api/workspaces/users
            GET /api/workspaces/list
            GET /api/workspaces/list_archived
            POST /api/workspaces/exists
            POST /api/workspaces/exists_username
            GET /api/entitlements
            GET /api/features
        """,
        ("instance", "create_workspace"): "POST /api/workspaces/create",
        ("instance", "delete_workspace"): "DELETE /api/workspaces/delete/{workspace}",
        ("instance", "create_account"): "POST /api/users/create",
        ("instance", "manage_accounts"): """
            POST /api/users/update/{email}
            GET /api/users/departure/{email}
            GET /api/users/identities/{email}
            POST /api/users/link_identity/{email}
            POST /api/users/unlink_identity/{email}
            POST /api/users/disable/{email}
            POST /api/users/enable/{email}
            POST /api/users/reset_password/{email}
            POST /api/users/reset_totp/{email}
            GET /api/scim_tokens/list
            POST /api/scim_tokens/create
            DELETE /api/scim_tokens/delete/{token_prefix}
            DELETE /api/users/delete/{email}
        """,
        ("instance", "read_audit"): """
            GET /api/audit/list
            GET /api/audit/export
            GET /api/audit/verify
        """,
        ("instance", "read_settings"): """
            GET /api/settings/list_global
            GET /api/settings/list_environment
            GET /api/settings/global/{name}
        """,
        ("instance", "write_settings"): """
            POST /api/settings/global/{name}
            POST /api/configs/update/{name}
            DELETE /api/configs/delete/{name}
        """,
        ("instance", "list_accounts"): "GET /api/users/list_as_super_admin",
        ("instance", "preview_schedule"): "POST /api/schedules/preview",
        ("instance", "list_workers"): """
            GET /api/workers/list
            GET /api/workers/queue_counts
            GET /api/workers/queues
            GET /api/workers/custom_tags
            GET /api/workers/exists_workers_with_tags
            GET /api/workers/queue_metrics
            GET /api/jobs/completed/count_by_tag
            GET /api/configs/list_worker_groups
        """,
        ("instance", "see_all_workers"): """
            GET /api/alerts/list
            GET /api/concurrency_groups/list
            GET /api/operations
            GET /api/workers/demand
            GET /api/configs/get/{name}
        """,
        ("instance", "drain_worker"): "POST /api/workers/drain/{id}",
        ("operations", "list"): "GET operations",
        ("workspace", "read"): """
            GET workspaces/get_settings
            GET workspaces/get_workspace_name
            GET workspaces/list_ws_specific
            GET workspaces/tarball
            GET changes/items
            POST changes/read
            POST changes/plan
            GET drafts/list/{kind}
            POST favorites/unstar
            GET folders/exists/{name}
            GET variables/list_contextual
            POST variables/encrypt
        """,
        ("policy", "read"): """
            GET policies/list
            GET policies/templates
            GET policies/get/{name}
            GET policies/violations/{name}
        """,
        ("policy", "write"): """
            POST policies/create
            POST policies/update/{name}
            DELETE policies/delete/{name}
        """,
        ("git", "read"): """
            GET git/get
            GET git/incoming
            GET git/history
        """,
        ("git", "sync"): """
            POST git/fetch
            POST git/apply
        """,
        ("git", "admin"): """
            POST git/bind
            DELETE git/unbind
        """,
        ("instance", "read_policies"): "GET /api/policies/list",
        ("instance", "write_policies"): """
            POST /api/policies/create
            POST /api/policies/update/{name}
            DELETE /api/policies/delete/{name}
        """,
        ("instance", "list_environments"): "GET /api/environments/list",
        ("instance", "write_environments"): """
            POST /api/environments/create
            POST /api/environments/update/{name}
            DELETE /api/environments/delete/{name}
        """,
        ("instance", "read_release_key"): "GET /api/releases/key",
        ("release", "read"): """
            GET releases/list
            GET releases/get/{number}
            GET releases/export/{number}
        """,
        ("release", "write"): """
            POST releases/create
            POST releases/import
        """,
        ("deployment", "read"): """
            GET deployments/environment
            POST deployments/plan
            GET deployments/list
            GET deployments/get/{id}
            GET deployments/changes/{id}
            GET deployments/history
        """,
        ("deployment", "write"): """
            POST deployments/create
            POST deployments/withdraw/{id}
            POST deployments/renew/{id}
        """,
        ("deployment", "decide"): """
            POST deployments/approve/{id}
            POST deployments/reject/{id}
            POST deployments/comment/{id}
        """,
        ("deployment", "apply"): """
            POST deployments/apply/{id}
            POST deployments/rollback
            POST deployments/lift_hold
            POST deployments/automatic
        """,
        ("workspace", "change_items"): "POST changes/apply",
        ("workspace", "archive"): "POST workspaces/archive",
        ("workspace", "restore"): "POST workspaces/unarchive",
        ("workspace", "admin"): """
            POST workspaces/edit_secrets_readable
            POST workspaces/edit_retention
            POST workspaces/edit_token_max_age
            POST workspaces/edit_search_run_data
            POST workspaces/edit_error_handler
            GET workspaces/encryption_key
            POST workspaces/encryption_key
            POST workspaces/edit_webhook
            POST workspaces/edit_large_file_storage_config
            POST workspaces/change_workspace_name
            POST jobs/completed/import
        """,
        ("member", "read"): """
            GET users/whoami
            GET users/get/{username}
            GET users/list
            GET users/list_usernames
            GET users/username_to_email/{username}
            GET users/is_owner/{path}
        """,
        ("member", "admin"): """
            POST workspaces/add_user
            POST workspaces/invite_user
            POST workspaces/delete_invite
            GET workspaces/list_pending_invites
            POST users/update/{username}
            DELETE users/delete/{username}
            GET users/departure/{username}
            GET service_accounts/list
            POST service_accounts/create
            POST service_accounts/tokens/create/{username}
            POST service_accounts/setenabled/{username}
            DELETE service_accounts/delete/{username}
            GET ownership/list
            POST ownership/assign
        """,
        ("member", "impersonate"): "POST /api/auth/impersonate",
        ("member_token", "list"): "GET tokens/list",
        ("member_token", "revoke"): "DELETE tokens/delete/{token_prefix}",
        ("audit", "list"): """
            GET audit/list
            GET audit/get/{id}
            GET audit/export
            GET audit/verify
        """,
        ("group", "read"): """
            GET groups/list
            GET groups/listnames
            GET groups/get/{name}
        """,
        ("group", "write"): """
            POST groups/create
            POST groups/update/{name}
            DELETE groups/delete/{name}
        """,
        ("group", "manage"): """
            POST groups/adduser/{name}
            POST groups/removeuser/{name}
        """,
        ("folder", "read"): """
            GET folders/get/{name}
            GET folders/list
            GET folders/listnames
        """,
        ("folder", "create"): "POST folders/create",
        ("folder", "write"): """
            POST folders/update/{name}
            POST folders/addowner/{name}
            POST folders/removeowner/{name}
            DELETE folders/delete/{name}
        """,
        ("script", "read"): """
            GET scripts/get/p/{path}
            GET scripts/get/h/{hash}
            GET scripts/raw/p/{path}
            GET scripts/raw/h/{path}
            GET scripts/exists/p/{path}
            GET scripts/list
            GET scripts/list_paths
            GET scripts/list_search
            POST scripts/raw_temp/store
            POST scripts/raw_temp/diff
            GET scripts/history/p/{path}
            GET scripts/deployment_status/h/{hash}
        """,
        ("script", "write"): """
            POST scripts/create
            POST scripts/archive/p/{path}
            POST scripts/archive/h/{hash}
            POST scripts/delete/p/{path}
            POST scripts/delete/h/{hash}
        """,
        ("script", "run"): """
            POST jobs/run/p/{path}
            POST jobs/run/h/{hash}
            GET jobs/run_wait_result/p/{path}
            POST jobs/run_wait_result/p/{path}
            POST jobs/run_and_stream/p/{path}
        """,
        ("flow", "read"): """
            POST favorites/star
            GET flows/get/{path}
            GET flows/get/v/{version}
            GET flows/get_latest_version/{path}
            GET flows/exists/{path}
            GET flows/list
            GET flows/list_paths
            GET flows/history/p/{path}
            GET flows/deployment_status/p/{path}
            GET workflow_tests/list/{path}
            GET workflow_tests/get/{name}/{path}
            POST workflow_tests/run/{path}
            GET references/{kind}/{path}
            GET inputs/list
            GET inputs/history
            GET versions/list/{kind}/{path}
            GET versions/get/{kind}/{version}
            GET versions/diff/{kind}/{path}
            GET acceptance/list
            GET acls/get/{kind}/{path}
            GET acls/access/{kind}/{path}
        """,
        ("flow", "write"): """
            POST capture/set_config
            POST capture/ping_config/{trigger_kind}/{runnable_kind}/{path}
            GET capture/get_configs/{runnable_kind}/{path}
            GET capture/list/{runnable_kind}/{path}
            GET capture/{id}
            DELETE capture/{id}
            POST flows/create
            POST flows/update/{path}
            POST flows/archive/{path}
            DELETE flows/delete/{path}
            POST workflow_tests/create/{path}
            POST workflow_tests/update/{name}/{path}
            POST workflow_tests/record/{id}
            DELETE workflow_tests/delete/{name}/{path}
            POST versions/restore/{kind}/{path}
            POST moves/plan
            POST moves/apply
            POST inputs/update
            POST inputs/delete/{id}
        """,
        ("flow", "share"): """
            POST acls/add/{kind}/{path}
            POST acls/remove/{kind}/{path}
        """,
        ("flow", "accept"): "POST acceptance/accept/{kind}/{path}",
        ("flow", "draft"): """
            GET drafts/{kind}/{path}
            GET drafts/others/{kind}/{path}
            DELETE drafts/{kind}/{path}
            POST drafts/create
            PUT drafts/{kind}/{path}
            DELETE drafts/delete/{kind}/{path}
        """,
        ("flow", "run"): """
            POST jobs/run/f/{path}
            POST capture_u/{trigger_kind}/{runnable_kind}/{path}
            POST inputs/create
            POST jobs/run/fv/{version}
            GET jobs/run_wait_result/f/{path}
            POST jobs/run_wait_result/f/{path}
            POST jobs/run_and_stream/f/{path}
            POST /api/v1/workflows/{path}
            POST jobs/restart/f/{id}
            POST jobs/restart_preview/f/{id}
            POST jobs/retry_preview/f/{id}
            POST jobs/retry/f/{id}
            POST jobs/rerun/{id}
            POST jobs/run/batch_rerun_jobs
        """,
        ("preview", "check_flow"): """
            POST flows/validate
            GET templates/list
            GET templates/get/{name}
        """,
        ("preview", "check_script"): "POST scripts/schema",
        ("preview", "run"): """
            POST jobs/run/preview
            POST jobs/run/preview_flow
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
        ("schedule", "read"): """
            GET schedules/get/{path}
            GET schedules/exists/{path}
            GET schedules/list
            GET schedules/list_with_jobs
            GET schedules/calendar
        """,
        ("schedule", "write"): """
            POST schedules/create
            POST schedules/update/{path}
            POST schedules/setenabled/{path}
            DELETE schedules/delete/{path}
        """,
        ("http_trigger", "read"): """
            GET http_triggers/get/{path}
            GET http_triggers/exists/{path}
            GET http_triggers/list
            POST http_triggers/route_exists
        """,
        ("http_trigger", "write"): """
            POST http_triggers/create
            POST http_triggers/update/{path}
            POST http_triggers/setmode/{path}
            DELETE http_triggers/delete/{path}
        """,
        ("variable", "read"): """
            GET variables/get/{path}
            GET variables/get_value/{path}
            GET variables/exists/{path}
            GET variables/list
        """,
        ("variable", "write"): """
            POST variables/create
            POST variables/update/{path}
            DELETE variables/delete/{path}
        """,
        ("resource", "read"): """
            GET resources/get/{path}
            GET resources/get_value/{path}
            GET resources/get_value_interpolated/{path}
            GET resources/exists/{path}
            GET resources/list
            GET connections/get/{path}
            GET connections/get_value/{path}
            GET connections/get_value_interpolated/{path}
            GET connections/exists/{path}
            GET connections/list
            POST job_helpers/v2/s3_resource_info
            POST job_helpers/v2/polars_connection_settings
            POST job_helpers/v2/duckdb_connection_settings
        """,
        ("resource", "write"): """
            POST resources/create
            POST resources/update/{path}
            POST resources/update_value/{path}
            DELETE resources/delete/{path}
            POST connections/create
            POST connections/update/{path}
            POST connections/update_value/{path}
            DELETE connections/delete/{path}
        """,
        ("resource", "test"): """
            POST resources/test/{path}
            POST connections/test/{path}
        """,
        ("resource_type", "read"): """
            GET resources/type/get/{name}
            GET resources/type/list
            GET resources/type/listnames
            GET resources/type/exists/{name}
            GET resources/file_resource_type_to_file_ext_map
            GET connections/type/get/{name}
            GET connections/type/list
            GET connections/type/listnames
            GET connections/type/exists/{name}
            GET connections/file_resource_type_to_file_ext_map
        """,
        ("resource_type", "create"): "POST resources/type/create\nPOST connections/type/create",
        ("resource_type", "write"): """
            POST resources/type/update/{name}
            DELETE resources/type/delete/{name}
            POST connections/type/update/{name}
            DELETE connections/type/delete/{name}
        """,
        ("file", "read"): """
            GET job_helpers/download_s3_file
            GET job_helpers/list_stored_files
            GET job_helpers/load_file_metadata
            GET job_helpers/load_file_preview
            GET job_helpers/presign_s3_file
        """,
        ("file", "write"): """
            POST job_helpers/upload_s3_file
            DELETE job_helpers/delete_s3_file
            GET job_helpers/move_s3_file
            GET job_helpers/test_connection
        """,
    }
)
"""Routes by rule: (kind, action) of the permission table, or the credentials of calls without a token.

Each line is `METHOD path`. Paths without a leading slash are below `/api/w/{workspace}/`.
"""


def routes() -> Iterator[tuple[str, str, tuple[str, str] | str]]:
    """Yield (method, path, rule) of every route; paths are below `/api` and contain `{parameters}`."""
    for rule, lines in ROUTE_RULES.items():
        for line in lines.split("\n"):
            method, _, path = line.strip().partition(" ")
            if path:
                yield method, path if path.startswith("/") else _W + path, rule
