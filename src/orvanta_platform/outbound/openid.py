"""Client of an OpenID provider: discovery, authorization code flow with PKCE, and checks of ID tokens."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from orvanta_platform import clock
from orvanta_platform.outbound.ssrf import AddressRefused, Guard

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

T = TypeVar("T")

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Accepted signatures: asymmetric ones only, so that neither `none` nor a public key used as a shared secret passes."""

_KEY_TYPES: Final = ("RSA", "EC")
_TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 1 << 20
_LEEWAY_S: Final = 60
_METADATA_S: Final = 3600.0
_KEYS_S: Final = 3600.0
_REFRESH_S: Final = 60.0
"""Minimum time between two reads of the keys because of a token with an unknown key."""


def is_subject(text: str) -> bool:
    """Return True for a subject of an identity: 1 to 255 printable ASCII characters (OpenID Connect Core, 2)."""
    return 0 < len(text) <= 255 and text.isascii() and text.isprintable() and text == text.strip()


class ProviderUnreachable(Exception):
    """The provider does not respond, or not as a provider does; the message has the reason."""


class IssuerDiffers(ProviderUnreachable):
    """The discovery document is that of another issuer."""


class TokenRefused(Exception):
    """The provider refused the code, or its ID token is not valid; the message has the reason."""


@dataclass(frozen=True, slots=True)
class Client:
    """Registration of this platform at a provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]


class Metadata(msgspec.Struct, frozen=True):
    """Discovery document of a provider."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Tokens(msgspec.Struct, frozen=True):
    """Response of the token endpoint."""

    id_token: str
    access_token: str


class Provider:
    """A provider with its metadata and keys, cached for an hour."""

    def __init__(self, client: Client, guard: Guard) -> None:
        self.client = client
        self._guard = guard
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._lock = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Return the discovery document. Raises ProviderUnreachable, also if it is that of another issuer."""
        async with self._lock:
            if self._metadata is None or clock.monotonic() - self._metadata[0] >= _METADATA_S:
                url = f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration"
                found = _decode(await self._get(url), Metadata)
                if found.issuer != self.client.issuer:
                    raise IssuerDiffers(f"the discovery document has another issuer: {found.issuer[:300]!r}")
                for endpoint in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                    self._check_endpoint(endpoint)
                for optional in (found.userinfo_endpoint, found.end_session_endpoint):
                    if optional is not None:
                        self._check_endpoint(optional)
                self._metadata = (clock.monotonic(), found)
            return self._metadata[1]

    async def authorization_url(self, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Return the address to which the browser goes to log in. Raises ProviderUnreachable."""
        endpoint = (await self.metadata()).authorization_endpoint
        parameters = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.client.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _encoded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        return _with_query(endpoint, parameters)

    async def logout_url(self, back: str) -> str | None:
        """Return the address at which the browser ends the session of the provider; None if it has none.

        Raises ProviderUnreachable.
        """
        endpoint = (await self.metadata()).end_session_endpoint
        if endpoint is None:
            return None
        return _with_query(endpoint, {"client_id": self.client.client_id, "post_logout_redirect_uri": back})

    async def check_issuer(self, issuer: str | None) -> None:
        """Check the parameter `iss` of an authorization response. Raises TokenRefused, ProviderUnreachable."""
        required = (await self.metadata()).authorization_response_iss_parameter_supported
        if issuer != self.client.issuer and (issuer is not None or required):
            raise TokenRefused("the response is that of another issuer")

    async def exchange(self, code: str, redirect_uri: str, verifier: str) -> Tokens:
        """Exchange a code for tokens. Raises TokenRefused, ProviderUnreachable."""
        found = await self.metadata()
        client = self.client
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if not client.client_secret:
            form["client_id"] = client.client_id
        elif "client_secret_basic" in found.token_endpoint_auth_methods_supported:
            pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        status, body = await self._request("POST", found.token_endpoint, headers, urlencode(form).encode())
        if 400 <= status < 500:
            raise TokenRefused(f"the token endpoint responded with status {status}")
        if status != 200:
            raise ProviderUnreachable(f"the token endpoint responded with status {status}")
        return _decode(body, Tokens)

    async def verify(self, id_token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token after checking signature, issuer, audience, times and nonce.

        Raises TokenRefused, ProviderUnreachable.
        """
        from joserfc import jwt
        from joserfc.errors import JoseError

        keys = await self._keys_for(_key_id(id_token))
        registry = jwt.JWTClaimsRegistry(
            now=int(clock.now().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.client.issuer},
            aud={"essential": True, "value": self.client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            claims = jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise TokenRefused(f"the ID token is not valid ({type(error).__name__}: {error})") from error
        audience, party = claims["aud"], claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if (party is not None or several) and party != self.client.client_id:
            raise TokenRefused("the ID token was issued to another client")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise TokenRefused("the ID token belongs to another login")
        if not is_subject(claims["sub"]):
            raise TokenRefused("the subject of the ID token does not consist of 1 to 255 printable ASCII characters")
        return claims

    async def userinfo(self, access_token: str, subject: str) -> Mapping[str, Any]:
        """Return the claims of the userinfo endpoint; none if there is no such endpoint.

        Raises TokenRefused, ProviderUnreachable.
        """
        endpoint = (await self.metadata()).userinfo_endpoint
        if endpoint is None:
            return {}
        status, body = await self._request("GET", endpoint, {"Authorization": f"Bearer {access_token}"})
        if status != 200:
            raise TokenRefused(f"the userinfo endpoint responded with status {status}")
        claims = _decode(body, dict[str, Any])
        if claims.get("sub") != subject:
            raise TokenRefused("the userinfo endpoint described somebody else")
        return claims

    async def _keys_for(self, key_id: str | None) -> KeySet:
        uri = (await self.metadata()).jwks_uri
        async with self._lock:
            age = None if self._keys is None else clock.monotonic() - self._keys[0]
            is_known = self._keys is not None and (key_id is None or any(key.kid == key_id for key in self._keys[1]))
            if age is None or age >= _KEYS_S or (not is_known and age >= _REFRESH_S):
                self._keys = (clock.monotonic(), _key_set(await self._get(uri)))
            assert self._keys is not None
            return self._keys[1]

    def _check_endpoint(self, url: str) -> None:
        """Refuse an endpoint with less protection than the issuer has."""
        wanted, found = urlsplit(self.client.issuer), urlsplit(url)
        if found.scheme != wanted.scheme or (found.scheme != "https" and found.hostname != wanted.hostname):
            raise ProviderUnreachable("an endpoint of the discovery document is not protected by TLS")

    async def _get(self, url: str) -> bytes:
        status, body = await self._request("GET", url, {})
        if status != 200:
            raise ProviderUnreachable(f"{url} responded with status {status}")
        return body

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> tuple[int, bytes]:
        """Send one request, without following redirects. Raises ProviderUnreachable."""
        import httpcore

        from orvanta_platform.outbound.http import pool

        if not url.isascii():
            raise ProviderUnreachable("an address contains characters other than ASCII")
        sent = [*headers.items(), ("Accept", "application/json"), ("Accept-Encoding", "identity")]
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                pool(self._guard) as connections,
                connections.stream(method, url, headers=sent, content=content) as answer,
            ):
                parts, size = [], 0
                async for part in answer.aiter_stream():
                    parts.append(part)
                    size += len(part)
                    if size > _MAX_BYTES:
                        raise ProviderUnreachable("a response is too large")
                return answer.status, b"".join(parts)
        except socket.gaierror as error:
            raise ProviderUnreachable(f"the name {urlsplit(url).hostname} cannot be resolved") from error
        except (AddressRefused, TimeoutError, OSError) as error:
            raise ProviderUnreachable(str(error) or type(error).__name__) from error
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise ProviderUnreachable(str(error) or type(error).__name__) from error


def _key_id(id_token: str) -> str | None:
    """Return the key that the header of a token names, before its signature is checked. Raises TokenRefused."""
    try:
        head = id_token.partition(".")[0]
        header = msgspec.json.decode(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), type=dict[str, Any])
    except (ValueError, msgspec.DecodeError) as error:
        raise TokenRefused("the ID token cannot be read") from error
    found = header.get("kid")
    return found if isinstance(found, str) else None


def _key_set(body: bytes) -> KeySet:
    """Return the keys for signatures of a key set, without symmetric ones. Raises ProviderUnreachable."""
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    keys = _decode(body, dict[str, Any]).get("keys")
    usable = [
        key
        for key in (keys if isinstance(keys, list) else [])
        if isinstance(key, dict) and key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"
    ]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, TypeError) as error:
        raise ProviderUnreachable("the keys of the provider cannot be read") from error


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderUnreachable("a response cannot be read") from error


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
