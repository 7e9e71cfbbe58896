"""Routes of accounts and of the whole instance, by rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("account", "read"): """
            POST /api/auth/logout
            POST /api/auth/oidc/logout
            POST /api/auth/end_impersonation
            GET /api/users/list_invites
            GET /api/users/totp/get
        """,
        ("account", "whoami"): """
            GET /api/users/whoami
            GET /api/users/email
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
        ("instance", "list_own_workspaces"): """
            GET /api/workspaces/users
            GET /api/workspaces/list
        """,
        ("instance", "list_workspaces"): """
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
            GET /api/settings/list_alert_failures
            GET /api/settings/global/{name}
        """,
        ("instance", "write_settings"): """
            POST /api/settings/global/{name}
            POST /api/settings/test_smtp
            POST /api/settings/test_alert_channel
            POST /api/settings/check_issuer
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
        ("usage", "list"): "GET usage",
        ("instance", "read_usage"): "GET /api/usage",
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
    }
)
