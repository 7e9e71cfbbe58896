"""The application: all routes behind the authentication middleware."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, ControllerRouterHandler

from orvanta_platform.http import errors, openapi
from orvanta_platform.http.auth_middleware import AuthenticationMiddleware
from orvanta_platform.http.documentation import Documentation, find_site
from orvanta_platform.http.origins import EditorOrigins
from orvanta_platform.http.pages import Page, Pages, read_pages
from orvanta_platform.http.routes import (
    acceptance,
    accounts,
    acls,
    approval_page,
    approvals,
    audit,
    captures,
    changes,
    checks,
    concurrency_groups,
    deployments,
    drafts,
    dry_runs,
    environments,
    export_keys,
    favourites,
    files,
    first_password,
    flows,
    git,
    groups,
    http_triggers,
    identity_tokens,
    impersonation,
    instance,
    job_metrics,
    jobs_list,
    jobs_observe,
    jobs_restart,
    jobs_run,
    jobs_state,
    members,
    moves,
    operations,
    pauses,
    policies,
    references,
    releases,
    resources,
    route_calls,
    run_versions,
    runs_observe,
    saved_inputs,
    schedules,
    scim,
    scripts,
    service_accounts,
    session,
    settings,
    single_sign_on,
    templates,
    totp,
    unsupported_settings,
    usage,
    v1,
    variables,
    versions,
    worker_groups,
    workers,
    workflow_tests,
    workspaces,
)
from orvanta_platform.services.platform import Platform

MAX_BODY = 24 << 20
"""Largest body in bytes: a document of 10 MiB as JSON text. Calls that start runs and uploads have their own limits."""

ROUTES: list[HTTPRouteHandler | Router] = [
    *instance.ROUTES,
    *session.ROUTES,
    *single_sign_on.ROUTES,
    *totp.ROUTES,
    *impersonation.ROUTES,
    *scim.ROUTES,
    *accounts.ROUTES,
    *settings.ROUTES,
    *workspaces.ROUTES,
    *export_keys.ROUTES,
    *unsupported_settings.ROUTES,
    *members.ROUTES,
    *service_accounts.ROUTES,
    *audit.ROUTES,
    *scripts.ROUTES,
    *flows.ROUTES,
    *drafts.ROUTES,
    *saved_inputs.ROUTES,
    *changes.ROUTES,
    *favourites.ROUTES,
    *moves.ROUTES,
    *checks.ROUTES,
    *policies.ROUTES,
    *environments.ROUTES,
    *workflow_tests.ROUTES,
    *git.ROUTES,
    *releases.ROUTES,
    *deployments.ROUTES,
    *templates.ROUTES,
    *groups.ROUTES,
    *acls.ROUTES,
    *references.ROUTES,
    *versions.ROUTES,
    *run_versions.ROUTES,
    *acceptance.ROUTES,
    *variables.ROUTES,
    *resources.ROUTES,
    *files.ROUTES,
    *schedules.ROUTES,
    *http_triggers.ROUTES,
    *route_calls.ROUTES,
    *captures.ROUTES,
    *jobs_run.ROUTES,
    *dry_runs.ROUTES,
    *jobs_restart.ROUTES,
    *jobs_observe.ROUTES,
    *jobs_list.ROUTES,
    *concurrency_groups.ROUTES,
    *approvals.ROUTES,
    *jobs_state.ROUTES,
    *job_metrics.ROUTES,
    *identity_tokens.ROUTES,
    *runs_observe.ROUTES,
    *workers.ROUTES,
    *worker_groups.ROUTES,
    *operations.ROUTES,
    *usage.ROUTES,
    *v1.ROUTES,
    *pauses.ROUTES,
    *first_password.ROUTES,
    *approval_page.ROUTES,
]


@functools.cache
def _editor() -> dict[str, Page]:
    """Return the files of the editor, read and compressed once per process."""
    return read_pages()


@functools.cache
def _site() -> dict[str, Path]:
    """Return the files of the documentation, found once per process."""
    return find_site()


def create_app(platform: Platform) -> ASGIApp:
    """Return the ASGI application for an open platform. The caller closes the platform after the application."""
    pages = Documentation(Pages(create_router(), _editor()), _site())
    authentication = AuthenticationMiddleware(pages, platform)
    origins = platform.settings.editor_origins
    return EditorOrigins(authentication, origins) if origins else authentication


class _Handlers(dict[Any, tuple[HTTPRouteHandler, Any]]):
    """Handlers of a route by method, with the models of their parameters, which the first call of each builds.

    Litestar would build all of them when the server starts, in half a second and 8 MiB. Most servers use a few dozen.
    """

    def __init__(self, route: HTTPRoute, router: Litestar) -> None:
        self._route = route
        self._router = router
        methods = [(method, handler) for handler in route.route_handlers for method in handler.http_methods]
        super().__init__((method, (handler, None)) for method, handler in methods)
        if len(self) < len(methods):
            raise ImproperlyConfiguredException(f"Several handlers have the same method: {route.path}")

    def __getitem__(self, method: Any) -> tuple[HTTPRouteHandler, Any]:
        handler, parameters = super().__getitem__(method)
        if parameters is None:
            handler.on_registration(self._router)
            parameters = handler.create_kwargs_model(self._route.path_parameters)
            self[method] = handler, parameters
        return handler, parameters


class Application(Litestar):
    """Litestar that prepares each handler at its first call.

    It is without the plugins for packages that other programs of the environment may have, such as pydantic.
    """

    def __init__(self, handlers: Sequence[HTTPRouteHandler | Router], **options: Any) -> None:
        self._methods: dict[str, Any] = {}
        super().__init__(handlers, **options)
        self.asgi_router.construct_routing_trie()

    def register(self, value: ControllerRouterHandler) -> None:  # type: ignore[override]
        """Add a handler or router. The routing table is built after all of them, not after each."""
        for route in Router.register(self, value):
            assert isinstance(route, HTTPRoute)
            handlers = route.route_handler_map = _Handlers(route, self)
            self._methods[route.path] = {method: handler for method, (handler, _) in handlers.items()}

    @property
    def route_handler_method_map(self) -> dict[str, Any]:
        """Handlers by path and method. Litestar would collect all of them again for each handler that it registers."""
        return self._methods

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


@functools.cache
def create_router() -> Litestar:
    """Return the router without the authentication middleware, which adds caller and platform to each scope.

    The routing table is the same for every platform of a process.
    """
    router = Application(
        ROUTES,
        exception_handlers={Exception: errors.answer},
        openapi_config=None,
        request_max_body_size=MAX_BODY,
        logging_config=None,
    )
    router.state[instance.DESCRIPTION] = openapi.Description(lambda: api_handlers(router))
    return router


def api_handlers(router: Litestar) -> list[HTTPRouteHandler]:
    """Return the handlers of all calls under /api, without Litestar's own handlers of OPTIONS."""
    found = {
        id(handler): handler
        for route in router.routes
        if isinstance(route, HTTPRoute) and route.path_format.startswith("/api/")
        for handler in route.route_handlers
        if "OPTIONS" not in handler.http_methods
    }
    return list(found.values())
