"""Configuration of OpenID providers, the value of the setting `oidc_providers`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.control import limits, names
from orvanta_platform.control.actor import Role
from orvanta_platform.errors import BadRequest

SECRETS: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {"client_secret": {"type": "string", "password": True}},
    },
}
"""JSON Schema that declares the secret fields."""

_NAME = re.compile(r"[a-z0-9_-]{1,50}")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_DOMAIN_HINT = "Write example.org."
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class ClaimGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Membership granted by a group of the claim, or by the domain of the e-mail address."""

    claim: str = ""
    """Group at the provider; empty: the grant is for a domain."""
    domain: str | UnsetType = UNSET
    """Domain whose users join the workspace at their next login, if they have never been members of it."""
    workspace: str
    role: Role
    groups: list[str] = []
    """Groups of the workspace."""


class IdentityProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An OpenID provider, and what its users get."""

    label: str
    """Text of the button of the login page."""
    issuer: str
    client_id: str
    client_secret: str = ""
    """Empty: the client is public and identified by PKCE alone."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    domains: list[str] = []
    """Domains of the addresses that may log in; empty: all."""
    sign_up: bool = True
    """Create an account at the first login."""
    groups_claim: str = "groups"
    grants: list[ClaimGrant] = []
    networks: list[str] = []
    """Private networks in which the provider may be."""
    verified_claim: str = "email_verified"
    """Claim that is true if the provider has verified the address."""
    scim_claim: str = ""
    """Claim with the external identifier of accounts that SCIM created, which their first login links. Empty: `sub`, if
    there is no other provider; otherwise none is linked.
    """


def check(new: dict[str, IdentityProvider], before: dict[str, IdentityProvider]) -> None:
    """Check a configuration. Raises BadRequest, also if a secret would be sent to another issuer than before."""
    for name, provider in new.items():
        if not _NAME.fullmatch(name):
            raise BadRequest(f"The name {name[:100]!r} of a provider is not valid.", hint="Use a-z, 0-9, _ and -.")
        _check_provider(name, provider)
        old = before.get(name)
        if (
            old
            and old.issuer != provider.issuer
            and provider.client_secret
            and old.client_secret == provider.client_secret
        ):
            raise BadRequest(
                f"The issuer of {name} changed, but not its secret.",
                hint="Send the client secret that the new issuer has given.",
            )
    if len({each.issuer for each in new.values()}) < len(new):
        raise BadRequest(
            "Two providers have the same issuer.", hint="Identities belong to an issuer: use one provider."
        )


def check_grants(grants: Sequence[ClaimGrant], _before: Sequence[ClaimGrant] = (), *, by_domain: bool = False) -> None:
    """Check the names in grants. The workspace and its groups may be created later. Raises BadRequest.

    `by_domain`: grants for domains are allowed.
    """
    for grant in grants:
        if by_domain and isinstance(grant.domain, str) and not grant.claim:
            if not _DOMAIN.fullmatch(grant.domain):
                raise BadRequest(f"The domain {grant.domain[:100]!r} of a grant is not valid.", hint=_DOMAIN_HINT)
        elif not grant.claim or isinstance(grant.domain, str):
            claim = "`claim`, the name of a group at the provider"
            raise BadRequest(f"A grant has {f'either {claim}, or a domain' if by_domain else claim}.")
        limits.check_line("The claim of a grant", grant.claim)
        names.check_name("workspace", grant.workspace)
        for group in grant.groups:
            names.check_name("group", group)


def is_safe_url(url: str) -> bool:
    """Return whether secrets may be sent to this URL: HTTPS, or HTTP on this machine; no credentials, no fragment."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError unless it is a port
    except ValueError:
        return False
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return (
        (parts.scheme == "https" or local) and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment
    )


def _check_provider(name: str, provider: IdentityProvider) -> None:
    if not is_safe_url(provider.issuer) or urlsplit(provider.issuer).query:
        raise BadRequest(f"The issuer of {name} must be an https URL without a query.")
    if not provider.verified_claim:
        raise BadRequest(f"{name} needs a verified_claim.", hint="Providers usually send email_verified.")
    if not provider.label.strip() or len(provider.label) > 100 or not provider.client_id:
        raise BadRequest(f"{name} needs a client_id, and a label of at most 100 characters.")
    for what, text in (
        ("label", provider.label),
        ("client_id", provider.client_id),
        ("groups_claim", provider.groups_claim),
        ("verified_claim", provider.verified_claim),
        ("scim_claim", provider.scim_claim),
    ):
        limits.check_line(f"`{what}`", text)
    for scope in provider.scopes:
        if not _SCOPE.fullmatch(scope):
            raise BadRequest(f"The scope {scope[:100]!r} of {name} is not valid.", hint="Write words such as openid.")
    check_grants(provider.grants, by_domain=True)
    if "openid" not in provider.scopes or "email" not in provider.scopes:
        raise BadRequest(f"The scopes of {name} must include openid and email.")
    for domain in provider.domains:
        if not _DOMAIN.fullmatch(domain):
            raise BadRequest(f"The domain {domain[:100]!r} of {name} is not valid.", hint=_DOMAIN_HINT)
    for network in provider.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise BadRequest(f"The network {network[:100]!r} of {name} is not valid: {error}.") from error
