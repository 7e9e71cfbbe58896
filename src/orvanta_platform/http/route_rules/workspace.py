"""Routes of the administration of a workspace, by rule: members, folders, policies, releases, repositories."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("workspace", "read"): """
            GET workspaces/get_settings
            GET workspaces/get_workspace_name
            GET workspaces/list_ws_specific
            GET workspaces/tarball
            GET changes/items
            POST changes/read
            POST changes/plan
            POST changes/archive
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
            GET git/incoming/{kind}/{path}
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
            POST deployments/assign/{id}
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
        ("workspace", "change_items"): """
            POST changes/apply
            POST changes/set_archived
        """,
        ("workspace", "archive"): "POST workspaces/archive",
        ("workspace", "unarchive"): "POST workspaces/unarchive",
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
            POST workspaces/critical_alerts/mute
            POST workspaces/change_workspace_name
            POST workspaces/change_workspace_color
            POST jobs/completed/import
        """,
        ("member", "whoami"): "GET users/whoami",
        ("member", "read"): """
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
            POST ownership/transfer
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
    }
)
