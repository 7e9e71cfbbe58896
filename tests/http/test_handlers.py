"""Preparation of the handlers of calls."""

from __future__ import annotations

import pytest
from litestar import get
from litestar.exceptions import ImproperlyConfiguredException
from litestar.params import FromQuery
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from orvanta_platform.http.app import Application, create_router


@get("/item")
async def get_item(number: FromQuery[int] = 1) -> str:
    """Return a number."""
    return str(number)


@get("/item")
async def get_same_item() -> str:
    """Return no number."""
    return ""


def test_every_handler_can_be_prepared() -> None:
    for route in create_router().routes:
        assert isinstance(route, HTTPRoute)
        for method in route.methods:
            handler, parameters = route.route_handler_map[method]
            assert method in handler.http_methods
            assert parameters is not None


def test_first_call_prepares_a_handler() -> None:
    router = Application([get_item], openapi_config=None, logging_config=None)
    (route,) = router.routes
    assert isinstance(route, HTTPRoute)
    assert {parameters for _, parameters in route.route_handler_map.values()} == {None}
    with TestClient(router) as client:
        assert client.get("/item", params={"number": 2}).text == "2"
        prepared = route.route_handler_map["GET"]
        assert client.get("/item", params={"number": "none"}).status_code == 400
        assert client.options("/item").headers["Allow"] == "GET, OPTIONS"
    assert route.route_handler_map["GET"] == prepared


def test_two_handlers_of_one_call_are_refused() -> None:
    with pytest.raises(ImproperlyConfiguredException, match="/item"):
        Application([get_item, get_same_item], openapi_config=None, logging_config=None)
