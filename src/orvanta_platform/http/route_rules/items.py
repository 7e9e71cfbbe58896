"""Routes of the items of a workspace, by rule: scripts, workflows, triggers, variables, resources, files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
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
            GET drafts/{kind}/{path}
            GET flows/list
            GET flows/list_paths
            GET flows/history/p/{path}
            GET flows/deployment_status/p/{path}
            GET workflow_tests/list/{path}
            GET versions/earlier_runs/{path}
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
            POST versions/move_runs/{path}
            POST workflow_tests/update/{name}/{path}
            POST workflow_tests/record/{id}
            DELETE workflow_tests/delete/{name}/{path}
            POST versions/restore/{kind}/{path}
            POST policies/fix/{name}
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
            GET drafts/others/{kind}/{path}
            DELETE drafts/{kind}/{path}
            POST drafts/create
            PUT drafts/{kind}/{path}
            DELETE drafts/delete/{kind}/{path}
        """,
        ("flow", "run"): """
            POST jobs/run/f/{path}
            POST jobs/dry_run/f/{path}
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
