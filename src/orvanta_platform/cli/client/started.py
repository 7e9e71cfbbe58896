"""Starting of runs."""

from __future__ import annotations

from uuid import uuid4

from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.errors import ServerRefused, ServerUnreachable
from orvanta_platform.cli.client.output import say

_MAX_ATTEMPTS = 3
_INPUT_HINT = "`-i key=value` sets a string; use `-i key:=5` for a number or any other JSON value."


def start(api: Api, kind: str, path: str, args: bytes, **query: str | None) -> str:
    """Start the workflow (`f`) or script (`p`) at a path and return the id of the run. `query` is the query of the
    call.

    Retries if no response was received; the idempotency key prevents a second run. Raises the errors of API calls.
    """
    headers = {"Idempotency-Key": uuid4().hex}
    attempts = 1
    while True:
        try:
            return api.send("POST", api.item(f"jobs/run/{kind}", path), body=args, query=query, headers=headers).text
        except ServerUnreachable as error:
            if attempts == _MAX_ATTEMPTS or not error.connected:
                raise
            say(f"{error.message} Trying again …")
            attempts += 1
        except ServerRefused as error:
            if error.server_code == "invalid_input":
                error.hint = _INPUT_HINT
            raise
