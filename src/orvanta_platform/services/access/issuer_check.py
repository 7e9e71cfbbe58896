"""Check of the issuer of an OpenID provider before it is stored."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.identity_providers import is_safe_url
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.errors import BadRequest
from orvanta_platform.outbound.openid import Client, IssuerDiffers, Provider, ProviderUnreachable
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.settings import Settings

_TIMEOUT_S: Final = 15

Code: TypeAlias = Literal["no_response", "issuer_differs", "unusable"]


class IssuerProblem(msgspec.Struct, frozen=True):
    """Reason for which logins by a provider would fail now: a stable code, and a sentence."""

    code: Code
    message: str


async def find_problem(settings: Settings, actor: Actor, issuer: str, networks: Sequence[str]) -> IssuerProblem | None:
    """Return the reason for which logins by a provider would fail now; None if its discovery document is usable.

    Only addresses that the provider itself may have are called: public ones, those of ORVANTA_ALLOWED_NETWORKS, and
    those of its `networks`. Raises Forbidden, also for tokens with limits, and BadRequest for an invalid issuer or
    network.
    """
    require(actor, "write_settings", Target(None, "instance"))
    refuse_limited(actor, "test settings")
    if not is_safe_url(issuer):
        raise BadRequest("The issuer must be an https URL.")
    try:
        allowed = tuple(str(ipaddress.ip_network(each)) for each in networks)
    except ValueError as error:
        raise BadRequest(f"A network is not valid: {str(error)[:200]}.") from error
    provider = Provider(Client(issuer, "", "", ()), Guard((*settings.allowed_networks, *allowed)))
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await provider.metadata()
    except TimeoutError:
        return IssuerProblem("no_response", f"The provider did not respond within {_TIMEOUT_S} seconds.")
    except ProviderUnreachable as error:
        code: Code = "issuer_differs" if isinstance(error, IssuerDiffers) else "unusable"
        return IssuerProblem(code, f"The discovery document of the issuer cannot be used: {str(error)[:400]}.")
    return None
