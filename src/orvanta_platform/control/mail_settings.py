"""Configuration of the outgoing mail server, the value of the setting `smtp`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from orvanta_platform.control import limits
from orvanta_platform.errors import BadRequest

SECRETS: Final[Mapping[str, Any]] = {"type": "object", "properties": {"password": {"type": "string", "password": True}}}
"""JSON Schema that declares the secret fields."""


class MailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Server by which the platform sends mail to people."""

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    sender: Annotated[str, msgspec.Meta(min_length=3, max_length=320)]
    """Address in the header From."""
    user: str | None = None
    password: str = ""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    networks: list[str] = []
    """Private networks in which the server may be."""


def check(new: MailSettings | None, before: MailSettings | None) -> None:
    """Check a configuration.

    Raises BadRequest, also if the password would be sent to another server than before, or with another encryption.
    """
    if new is None:
        return
    for what, text in (("host", new.host), ("sender", new.sender), ("user", new.user)):
        limits.check_line(f"`{what}`", text)
    for network in new.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise BadRequest(f"The network {network[:100]!r} is not valid: {error}.") from error
    if before is None or not new.password or new.password != before.password:
        return
    if (new.host, new.port, new.tls) != (before.host, before.port, before.tls):
        raise BadRequest("The server or its encryption changed, but not the password.", hint="Send the password again.")
