"""The client class, and its methods as functions that use the token of the job."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from . import unavailable
from .connection import ApiError as ApiError
from .data import Data
from .files import Files
from .runs import JobStatus as JobStatus
from .runs import Timeout
from .s3_types import S3Object as S3Object
from .s3_types import parse_s3_object as parse_s3_object
from .unavailable import NotServed as NotServed


class Windmill(Data, Files):
    """Client of one workspace."""


for _name, _reason in unavailable.METHODS.items():
    setattr(Windmill, _name, unavailable.refusing(_name, _reason))

Orvanta = Windmill

_client: Windmill | None = None


def _job() -> Windmill:
    """Return the client of this job."""
    global _client
    if _client is None:
        _client = Windmill()
    return _client


def _function(method: Callable[..., Any]) -> Any:
    """Return the method as a function of the client of this job."""

    @functools.wraps(method)
    def function(*args: Any, **options: Any) -> Any:
        return method(_job(), *args, **options)

    return function


whoami = _function(Windmill.whoami)
username_to_email = _function(Windmill.username_to_email)
get_id_token = _function(Windmill.get_id_token)
run_script = _function(Windmill.run_script)
run_script_by_path = _function(Windmill.run_script_by_path)
run_script_by_hash = _function(Windmill.run_script_by_hash)
run_script_by_path_async = _function(Windmill.run_script_by_path_async)
run_script_by_hash_async = _function(Windmill.run_script_by_hash_async)
run_flow_async = _function(Windmill.run_flow_async)
run_inline_script_preview = _function(Windmill.run_inline_script_preview)
wait_job = _function(Windmill.wait_job)
cancel_job = _function(Windmill.cancel_job)
cancel_running = _function(Windmill.cancel_running)
get_job = _function(Windmill.get_job)
get_job_status = _function(Windmill.get_job_status)
get_root_job_id = _function(Windmill.get_root_job_id)
get_result = _function(Windmill.get_result)
set_progress = _function(Windmill.set_progress)
get_progress = _function(Windmill.get_progress)
get_variable = _function(Windmill.get_variable)
set_variable = _function(Windmill.set_variable)
get_resource = _function(Windmill.get_resource)
list_resources = _function(Windmill.list_resources)
get_connection = _function(Windmill.get_connection)
list_connections = _function(Windmill.list_connections)
get_state = _function(Windmill.get_state)
set_state = _function(Windmill.set_state)
get_flow_user_state = _function(Windmill.get_flow_user_state)
set_flow_user_state = _function(Windmill.set_flow_user_state)
set_shared_state = Windmill.set_shared_state
get_shared_state = Windmill.get_shared_state
set_shared_state_pickle = Windmill.set_shared_state_pickle
get_shared_state_pickle = Windmill.get_shared_state_pickle
get_resume_urls = _function(Windmill.get_resume_urls)
request_interactive_slack_approval = _function(Windmill.request_interactive_slack_approval)
load_s3_file = _function(Windmill.load_s3_file)
load_s3_file_reader = _function(Windmill.load_s3_file_reader)
write_s3_file = _function(Windmill.write_s3_file)
delete_s3_object = _function(Windmill.delete_s3_object)
sign_s3_object = _function(Windmill.sign_s3_object)
sign_s3_objects = _function(Windmill.sign_s3_objects)
get_presigned_s3_public_url = _function(Windmill.get_presigned_s3_public_url)
get_presigned_s3_public_urls = _function(Windmill.get_presigned_s3_public_urls)
duckdb_connection_settings = _function(Windmill.get_duckdb_connection_settings)
polars_connection_settings = _function(Windmill.get_polars_connection_settings)
boto3_connection_settings = _function(Windmill.get_boto3_connection_settings)


def get_workspace() -> str:
    """Return the id of the workspace."""
    return str(_job().workspace)


def get_version() -> str:
    """Return the version of the platform."""
    return _job().version


def get_state_path() -> str:
    """Return the path of the resource with the state of this script."""
    return _job().state_path


def set_resource(path: str, value: Any, resource_type: str = "any") -> None:
    """Set a resource, creating it with this type if needed."""
    _job().set_resource(value, path, resource_type)


def set_connection(path: str, value: Any, connection_type: str = "any") -> None:
    """Set a resource; see `set_resource`."""
    _job().set_resource(value, path, connection_type)


def run_script_async(
    hash_or_path: str, args: Any = None, scheduled_in_secs: int | None = None, tag: str | None = None
) -> str:
    """Start a script and return the id of its run. Paths contain `/`, hashes do not."""
    is_path = "/" in hash_or_path
    path, hash_ = (hash_or_path, None) if is_path else (None, hash_or_path)
    return _job().run_script_async(path, hash_, args, scheduled_in_secs, tag)


def run_script_sync(
    hash: str,
    args: Any = None,
    verbose: bool = False,
    assert_result_is_not_none: bool = True,
    cleanup: bool = True,
    timeout: Timeout = None,
    tag: str | None = None,
) -> Any:
    """Run a version of a script and return its result."""
    return _job().run_script(None, hash, args, timeout, verbose, cleanup, assert_result_is_not_none, tag)


def run_script_by_path_sync(
    path: str,
    args: Any = None,
    verbose: bool = False,
    assert_result_is_not_none: bool = True,
    cleanup: bool = True,
    timeout: Timeout = None,
    tag: str | None = None,
) -> Any:
    """Run a script and return its result."""
    return _job().run_script(path, None, args, timeout, verbose, cleanup, assert_result_is_not_none, tag)


def parse_resource_syntax(s: str | None) -> str | None:
    """Return the path in `$res:path` or `res://path`, None for another text."""
    for prefix in ("$res:", "res://"):
        if s is not None and s.startswith(prefix):
            return s.removeprefix(prefix)
    return None


def parse_variable_syntax(s: str) -> str | None:
    """Return the path in `var://path`, None for another text."""
    return s.removeprefix("var://") if s.startswith("var://") else None


def append_to_result_stream(text: str) -> None:
    """Add a text to the stream of the result."""
    escaped = text.replace("\n", "\\n")
    print(f"WM_STREAM: {escaped}")


def stream_result(stream: Iterable[str]) -> None:
    """Add texts to the stream of the result, each as soon as it is available."""
    for text in stream:
        append_to_result_stream(text)


class BusinessError(Exception):
    """Failure with a code for the caller."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code if message is None else message)
        self.orvanta_error_code = code


def throw_business_error(code: str, message: str | None = None) -> NoReturn:
    """Raise BusinessError. Raises ValueError if the code is empty."""
    if not code:
        raise ValueError("A business error needs a code.")
    raise BusinessError(code, message)


class TaskError(Exception):
    """Error of a task in published clients, never raised here."""


_REFUSING = {
    name: unavailable.refusing(name, reason) for name, reason in (unavailable.FUNCTIONS | unavailable.CLASSES).items()
}
globals().update(_REFUSING)
