"""Starting runs."""

from __future__ import annotations

from uuid import uuid4

from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.errors import ServerRefused, ServerUnreachable
from orvanta_platform.cli.client.output import say

_TRIES = 3
_ABOUT_INPUT = "`-i key=value` gives a text; write `-i key:=5` for a number, and any other JSON in the same way."


def start(api: Api, kind: str, path: str, args: bytes, **query: str | None) -> str:
    """Start the workflow (`f`) or script (`p`) at a path; gives the run's id. `query`: of the call.

    Tried again when no answer came: the same key starts no second run. Raises what calls raise.
    """
    headers = {"Idempotency-Key": uuid4().hex}
    tries = 1
    while True:
        try:
            return api.send("POST", api.item(f"jobs/run/{kind}", path), body=args, query=query, headers=headers).text
        except ServerUnreachable as error:
            if tries == _TRIES or not error.begun:
                raise
            say(f"{error.message} Trying again …")
            tries += 1
        except ServerRefused as error:
            if error.server_code == "invalid_input":
                error.hint = _ABOUT_INPUT
            raise
