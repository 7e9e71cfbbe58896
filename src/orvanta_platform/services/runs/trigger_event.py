"""The event that a trigger passes to a preprocessor: the request with its headers, without credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from orvanta_platform.workflow.secret_schemas import may_declare

_CREDENTIALS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "x-orvanta", "x-api-key"})
_TOKEN: Final = "token"


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """A request that starts a run, as a preprocessor receives it in the argument `event`."""

    kind: Literal["webhook", "http"]
    headers: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    body: bytes | None = None
    """JSON text; None: the arguments of the run."""
    raw_string: Any = None
    """Body of a request that is text."""
    is_text: bool = False
    """The argument `raw_string` is the body of the request."""
    route: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the event of an HTTP trigger: `route`, `path`, `method` and `params`."""
    hidden_header: str | None = None
    """Name of the header with the key of an HTTP trigger, in lower case."""

    def args(self, args: bytes) -> bytes:
        """Return the arguments of a run whose preprocessor receives this event: `{"event": {…}}`.

        `args` (JSON object text) are those of a run without a preprocessor.
        """
        body, raw_string = self.body if self.body is not None else args, self.raw_string
        if self.is_text:
            body, raw_string = b"null", msgspec.json.decode(args).get("raw_string")
        event = {"kind": self.kind, "body": msgspec.Raw(body), "raw_string": raw_string, **self._head()}
        return msgspec.json.encode({"event": event})

    @property
    def head(self) -> bytes:
        """Members of the event except the body, as JSON object text."""
        return msgspec.json.encode(self._head())

    def _head(self) -> dict[str, Any]:
        hidden = _CREDENTIALS | {self.hidden_header}
        headers = {name.lower(): text for name, text in self.headers.items()}
        return {
            **self.route,
            "query": {name: text for name, text in dict(self.query).items() if name != _TOKEN},
            "headers": {name: text for name, text in headers.items() if name not in hidden},
        }


def event_schema(schema: Any) -> Any:
    """Return the schema of an event whose body has the passwords that `schema` declares; None if it declares none."""
    if not may_declare(schema):
        return None
    event = {"properties": {"body": schema}}
    # The other members remain, as references in the schema may name them.
    return {**schema, "properties": {**(schema.get("properties") or {}), "event": event}}
