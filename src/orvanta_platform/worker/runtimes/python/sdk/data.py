"""Calls for variables, resources and states."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from .connection import ApiError, Connection
from .runs import Runs
from .unavailable import NotServed
from .workspace import environ

logger = logging.getLogger("wmill")

_NOT_FOUND = 404


class Data(Runs):
    """Variables, resources and states of a workspace."""

    def get_variable(self, path: str) -> str:
        """Return the value of a variable. Raises ApiError."""
        value: str = self.get(self.in_workspace(f"variables/get_value/{path.removeprefix('var://')}")).json()
        return value

    def set_variable(self, path: str, value: str, is_secret: bool = False) -> None:
        """Set a variable, creating it if needed."""
        path = path.removeprefix("var://")
        if self.get(self.in_workspace(f"variables/exists/{path}")).json():
            self.post(self.in_workspace(f"variables/update/{path}"), json={"value": value})
            return
        body = {"path": path, "value": value, "is_secret": is_secret, "description": ""}
        self.post(self.in_workspace("variables/create"), json=body)

    def get_resource(self, path: str, none_if_undefined: bool = False, interpolated: bool = True) -> Any:
        """Return the value of a resource, `interpolated`: with the values of the variables that it names."""
        call = "get_value_interpolated" if interpolated else "get_value"
        try:
            return self.get(self.in_workspace(f"resources/{call}/{resource_path(path)}")).json()
        except ApiError as error:
            if none_if_undefined and error.status_code == _NOT_FOUND:
                return None
            raise

    def set_resource(self, value: Any, path: str, resource_type: str) -> None:
        """Set a resource, creating it with this type if needed."""
        path = resource_path(path)
        if self.get(self.in_workspace(f"resources/exists/{path}")).json():
            self.post(self.in_workspace(f"resources/update_value/{path}"), json={"value": value})
            return
        body = {"path": path, "value": value, "resource_type": resource_type}
        self.post(self.in_workspace("resources/create"), json=body)

    def list_resources(
        self, resource_type: str | None = None, page: int | None = None, per_page: int | None = None
    ) -> Any:
        """Return resources, of one type if it is given."""
        params = {"resource_type": resource_type, "page": page, "per_page": per_page}
        return self.get(self.in_workspace("resources/list"), params=params).json()

    def get_connection(self, path: str, none_if_undefined: bool = False, interpolated: bool = True) -> Any:
        """Return the value of a resource; see `get_resource`."""
        return self.get_resource(path, none_if_undefined, interpolated)

    def set_connection(self, value: Any, path: str, connection_type: str) -> None:
        """Set a resource; see `set_resource`."""
        self.set_resource(value, path, connection_type)

    def list_connections(
        self, connection_type: str | None = None, page: int | None = None, per_page: int | None = None
    ) -> Any:
        """Return resources; see `list_resources`."""
        return self.list_resources(connection_type, page, per_page)

    @property
    def state_path(self) -> str:
        """Path of the resource with the state of this script. Raises Exception if the script has no path."""
        path = environ("STATE_PATH_NEW") or environ("STATE_PATH")
        if not path:
            raise Exception("A script without a path has no state.")
        return path

    def get_state(self, path: str | None = None) -> Any:
        """Return the value that an earlier run with the same trigger passed to `set_state`, None if there is none."""
        value = self.get_resource(path or self.state_path, none_if_undefined=True)
        if value is None and path is None:
            # Earlier releases stored one state for all triggers.
            value = self.get_resource("/".join(self.state_path.split("/")[:3]), none_if_undefined=True)
        return value

    def set_state(self, value: Any, path: str | None = None) -> None:
        """Store a value for later runs of this script with the same trigger."""
        self.set_resource(value, path or self.state_path, "state")

    @property
    def state(self) -> Any:
        """The value that an earlier run stored, None if there is none."""
        return self.get_state()

    @state.setter
    def state(self, value: Any) -> None:
        self.set_state(value)

    def get_flow_user_state(self, key: str) -> Any:
        """Return a value of the context of this run, None if there is none."""
        response = self.get(self._user_state(key), raise_for_status=False)
        return None if response.status_code == _NOT_FOUND else response.raise_for_status().json()

    def set_flow_user_state(self, key: str, value: Any) -> None:
        """Store a value in the context of this run. Without a workflow it has no effect."""
        response = self.post(self._user_state(key), json=value, raise_for_status=False)
        if response.status_code == _NOT_FOUND:
            logger.warning("this job is not part of a workflow")
        else:
            response.raise_for_status()

    def _user_state(self, key: str) -> str:
        return self.in_workspace(f"jobs/flow/user_states/{self.get_root_job_id()}/{key}")

    @staticmethod
    def set_shared_state_pickle(value: Any, path: str = "state.pickle") -> None:
        """Store a value in the folder that the nodes of a run share, as pickle."""
        import pickle

        with open(_shared_path(path), "wb") as file:
            pickle.dump(value, file)

    @staticmethod
    def get_shared_state_pickle(path: str = "state.pickle") -> Any:
        """Return a value that a node of the same run has stored with `set_shared_state_pickle`."""
        import pickle

        with open(_shared_path(path), "rb") as file:
            return pickle.load(file)

    @staticmethod
    def set_shared_state(value: Any, path: str = "state.json") -> None:
        """Store a value in the folder that the nodes of a run share, as JSON."""
        with open(_shared_path(path), "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False)

    @staticmethod
    def get_shared_state(path: str = "state.json") -> Any:
        """Return a value that a node of the same run has stored with `set_shared_state`."""
        with open(_shared_path(path), encoding="utf-8") as file:
            return json.load(file)

    def request_interactive_slack_approval(
        self,
        slack_resource_path: str,
        channel_id: str,
        message: str | None = None,
        approver: str | None = None,
        default_args_json: Any = None,
        dynamic_enums_json: Any = None,
    ) -> None:
        """Send the approval page of this node to a Slack channel, with the `token` of a `slack` resource.

        Raises NotServed for values of the form, which the result of the node sets.
        """
        if not environ("FLOW_JOB_ID"):
            raise Exception("request_interactive_slack_approval() needs a workflow, whose run waits for the approval.")
        if default_args_json or dynamic_enums_json:
            raise NotServed(
                "request_interactive_slack_approval() does not set values of the form: return "
                "`default_args` and `enums` from the node."
            )
        slack = self.get_resource(slack_resource_path)
        page = self.get_resume_urls(approver)["approvalPage"]
        text = message or "A workflow waits for an approval."
        button = {"type": "button", "text": {"type": "plain_text", "text": "Decide"}, "url": page}
        blocks = [
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            {"type": "actions", "elements": [button]},
        ]
        body = {"channel": channel_id, "text": f"{text} {page}", "blocks": blocks}
        api = Connection(slack.get("api_url") or "https://slack.com/api", lambda: slack["token"])
        answer = api.post("chat.postMessage", json=body).raise_for_status().json()
        if not answer.get("ok"):
            raise Exception(f"Slack refused the message: {answer.get('error')}.")


def resource_path(path: str) -> str:
    """Return the path in `$res:path` or `res://path`; another text is a path."""
    return path.removeprefix("$res:").removeprefix("res://")


def _shared_path(path: str) -> str:
    for folder in ("/shared", "shared"):  # the second one is that of a job without a file system of its own
        if os.access(folder, os.W_OK):
            return os.path.join(folder, path)
    raise FileNotFoundError("The nodes of this run share no folder: set `same_worker` in the workflow.")
