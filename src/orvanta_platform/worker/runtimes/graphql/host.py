"""Host of GraphQL operations inside a cell. Standard library only."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer
from orvanta_platform.units import size_text
from orvanta_platform.worker.runtimes import program
from orvanta_platform.workflow.signature import graphql

_EXCERPT = 500
_AGENT = "orvanta"


class _Failed(Exception):
    """Raised with the job's error: name and message."""


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Send the operation with its variables, and answer with the data of the response; see `Host.run`."""
    try:
        data = _data(_response(job, content, json.loads(args)))
    except _Failed as failed:
        program.fail(job, *failed.args)
    write_answer(job.result, RESULT, json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    os._exit(0)


def _response(job: Job, content: str, args: dict[str, Any]) -> bytes:
    """Return the body of the response. Raises _Failed."""
    import http.client
    import urllib.error
    import urllib.request

    api = args.get("api")
    address = str(api.get("base_url") or "") if isinstance(api, dict) else ""
    if not isinstance(api, dict) or not address.startswith(("http://", "https://")):
        raise _Failed("NoServer", "the argument api must be a resource whose base_url is an address with http or https")
    names = [each.name for each in graphql.parameters(content)[1:]]
    body = json.dumps({"query": content, "variables": {name: args[name] for name in names if name in args}})
    request = urllib.request.Request(address, body.encode("utf-8", "replace"), _headers(api), method="POST")

    class Unfollowed(urllib.request.HTTPRedirectHandler):
        """Follows no redirect, which would send the headers of the resource to another server."""

        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        with urllib.request.build_opener(Unfollowed).open(request) as response:
            return _read(response, job.result_bytes)
    except urllib.error.HTTPError as error:
        answer = _read(error, job.result_bytes)
        if b'"errors"' in answer:
            return answer
        shown = answer.decode("utf-8", "replace")[:_EXCERPT].strip()
        raise _Failed("GraphQLError", f"the server answered {error.code}: {shown}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _Failed("NoServer", f"the server cannot be reached: {reason}") from error


def _headers(api: Mapping[str, Any]) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": _AGENT}
    if api.get("bearer_token"):
        headers["Authorization"] = f"Bearer {api['bearer_token']}"
    more = api.get("custom_headers")
    return headers | ({str(name): str(value) for name, value in more.items()} if isinstance(more, dict) else {})


def _read(response: Any, limit: int) -> bytes:
    answer: bytes = response.read(limit + 1)
    if len(answer) > limit:
        raise _Failed("result_too_large", f"the response is larger than the limit of {size_text(limit)}")
    return answer


def _data(answer: bytes) -> Any:
    """Return the data of a response. Raises _Failed for errors of the server, also if there are data as well."""
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise _Failed("GraphQLError", f"the server answered no JSON: {error}") from error
    if not isinstance(found, dict):
        raise _Failed("GraphQLError", "the server answered no object")
    if errors := found.get("errors"):
        raise _Failed("GraphQLError", "\n".join(map(_message, errors)) if isinstance(errors, list) else str(errors))
    return found.get("data")


def _message(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    path = error.get("path")
    position = f" (at {'.'.join(map(str, path))})" if isinstance(path, list) and path else ""
    return f"{error.get('message')}{position}"


finish: None = None
"""No function, as the process writes its result itself."""
