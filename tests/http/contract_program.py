# mypy: ignore-errors
"""Program that sends calls through the published generated client.

Arguments: address of the API and token. Each line of standard input is a call as JSON: `method`, `path` with braces
around the names of parameters, their `values` in order, `query`, `body`, and `token` to send instead of the other one.
Each line of output is its outcome: the `status`, the `request_id` of the response, and the `error` that the client
raised, null if it read the response.
It runs in the environment of `scripts/test-environment contract`, does not import the product and is not
type-checked, like programs of users.
"""

import enum
import importlib
import inspect
import io
import json
import re
import sys
import typing
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orvanta_api
from httpx import Timeout
from orvanta_api import AuthenticatedClient
from orvanta_api.types import File, Unset

FOLDER = Path(orvanta_api.__file__).parent / "api"
URL = re.compile(r'"method": "(\w+)",\s+"url": "([^"]+)"')


def modules():
    """Return the name of the module of each call of the client."""
    found = {}
    for file in FOLDER.glob("*/*.py"):
        url = URL.search(file.read_text())
        if url:
            found[shape(url[1], url[2])] = f"orvanta_api.api.{file.parent.name}.{file.stem}"
    return found


def shape(method, path):
    """Return a call without the names of its path parameters."""
    return method.upper(), re.sub(r"\{[^}]*\}", "{}", path)


def typed(annotation, value):
    """Return a value as an argument of the type that a parameter of the client has."""
    kinds = [each for each in typing.get_args(annotation) if each not in (Unset, type(None))]
    if typing.get_origin(annotation) is list:
        return [typed(kinds[0], each) for each in value]
    if kinds:
        return typed(kinds[0], value)
    if hasattr(annotation, "from_dict"):
        return annotation.from_dict(value or {})
    if annotation is File:
        return File(payload=io.BytesIO(b"x"))
    if annotation is datetime:
        return datetime.fromisoformat(value)
    if annotation is bool:
        return value in (True, "true")
    if annotation is float:
        return json.loads(value) if isinstance(value, str) else value
    if annotation in (int, UUID) or (inspect.isclass(annotation) and issubclass(annotation, enum.Enum)):
        return annotation(value)
    return value


def send(client, module, call):
    """Call the function of the client."""
    parameters = inspect.signature(module.sync_detailed).parameters
    path = [each for each in parameters.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
    given = [typed(each.annotation, value) for each, value in zip(path, call["values"], strict=True)]
    named = {name: typed(parameters[name].annotation, value) for name, value in call["query"].items()}
    if "body" in parameters:
        named["body"] = typed(parameters["body"].annotation, call["body"])
    module.sync_detailed(*given, client=client, **named)


def main(base, token):
    """Send the calls of standard input."""
    known, responses, clients = modules(), [], {}
    hooks = {"event_hooks": {"response": [responses.append]}}

    def client_of(token):
        if token not in clients:
            clients[token] = AuthenticatedClient(
                base_url=base, token=token, raise_on_unexpected_status=True, timeout=Timeout(120), httpx_args=hooks
            )
        return clients[token]

    for line in sys.stdin:
        call, error = json.loads(line), None
        responses.clear()
        try:
            module = importlib.import_module(known[shape(call["method"], call["path"])])
            send(client_of(call["token"] or token), module, call)
        except Exception as caught:
            error = f"{type(caught).__name__} {str(caught)[:600]}"
        status = responses[-1].status_code if responses else 0
        request_id = responses[-1].headers.get("X-Request-Id") if responses else None
        print(json.dumps({"status": status, "request_id": request_id, "error": error}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
