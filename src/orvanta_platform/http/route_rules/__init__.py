"""Permission rules of the API routes, as documentation and as the expectation that tests check the server against.

Services decide (`control.permissions.RULES`); nothing reads this table to grant access. A test sends every route as
every role and compares the responses with it. It fails for routes that are missing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from orvanta_platform.http.route_rules import instance, items, runs, workspace

NO_TOKEN = "no token"
SIGNED_LINK = "signed link"
ROUTE_CREDENTIALS = "route credentials"

_W = "/api/w/{workspace}/"

_WITHOUT_TOKEN: Mapping[str, str] = MappingProxyType(
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
    }
)

_TABLES: tuple[Mapping[str, str] | Mapping[tuple[str, str], str], ...] = (
    _WITHOUT_TOKEN,
    instance.RULES,
    workspace.RULES,
    items.RULES,
    runs.RULES,
)
"""Routes by rule: (kind, action) of the permission table, or the credentials of calls without a token.

Each line is `METHOD path`. Paths without a leading slash are below `/api/w/{workspace}/`.
"""


def routes() -> Iterator[tuple[str, str, tuple[str, str] | str]]:
    """Yield (method, path, rule) of every route; paths are below `/api` and contain `{parameters}`."""
    for table in _TABLES:
        for rule, lines in table.items():
            for line in lines.split("\n"):
                method, _, path = line.strip().partition(" ")
                if path:
                    yield method, path if path.startswith("/") else _W + path, rule
