"""Configuration of alerts and of messages about deployments, the value of the setting `alerts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from orvanta_platform.control import limits
from orvanta_platform.errors import BadRequest

_SECRET: Final = {"type": "string", "password": True}
SECRETS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "channels": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "url": _SECRET,
                    "password": _SECRET,
                    "headers": {"type": "object", "additionalProperties": _SECRET},
                },
            },
        }
    },
}
"""JSON Schema that declares the secret fields. The URL of a Slack webhook authorizes its callers."""

DeploymentEvent: TypeAlias = Literal["requested", "approved", "rejected", "applied", "failed", "rolled_back", "held"]
"""Event of a deployment. failed: checks after it failed."""

_Seconds = Annotated[int, msgspec.Meta(ge=10, le=604_800)]
_MAX_CHANNELS: Final = 10


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A destination of alerts."""

    kind: Literal["email", "slack", "webhook"]
    url: str = ""
    """Of Slack and webhooks."""
    headers: dict[str, str] = {}
    """Headers that a webhook receives."""
    host: str = ""
    """Mail server of this channel. Empty: mails are sent by the mail server of the instance, the setting `smtp`.

    The previous version reads such a channel as well. Its servers fail to send the mails, which remain queued for the
    next attempt, so that one of this version sends them.
    """
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    user: str = ""
    password: str = ""
    sender: str = ""
    to: list[str] = []
    """Addresses that receive the mails."""
    deployments: list[DeploymentEvent] = []
    """Events of deployments that are sent to it, in addition to the alerts."""

    @property
    def uses_instance_server(self) -> bool:
        """True if the mail server of the instance sends its messages."""
        return self.kind == "email" and not self.host


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Conditions that raise alerts, and where they are sent. A condition that is null raises none."""

    channels: dict[str, Channel] = {}
    queue_age_s: _Seconds | None = 300
    """Time for which the oldest job of a queue may wait."""
    no_worker_s: _Seconds | None = 60
    """Time for which a job may wait in a queue that no worker serves."""
    database_bytes: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Maximum size of the database."""
    disk_free_percent: Annotated[int, msgspec.Meta(ge=1, le=99)] | None = 5
    """Minimum free space of the disk of ORVANTA_HOME on each server."""
    failing_workflows: bool = True
    """Raise an alert when a deployed workflow or script fails, and end it when a later run succeeds."""
    group_workers: dict[str, Annotated[int, msgspec.Meta(ge=1, le=10_000)]] = {}
    """Minimum number of workers that claim jobs, by worker group."""
    lost_workers: bool = True
    """Raise an alert when a worker is lost, and end it when none of its group was lost for ten minutes."""
    missed_schedules: bool = True
    """Raise an alert when a schedule starts no run or is a minute late, and end it when it starts one."""
    token_expiry_days: Annotated[int, msgspec.Meta(ge=1, le=90)] | None = 7
    """Days before the expiry of a token at which an alert begins."""


def check(new: Alerts, before: Alerts) -> None:
    """Check a configuration. Raises BadRequest, also if a secret would be sent to another server than before."""
    if len(new.channels) > _MAX_CHANNELS:
        raise BadRequest(f"There are at most {_MAX_CHANNELS} channels.")
    for name, channel in new.channels.items():
        _check_channel(name[:100], channel)
        old = before.channels.get(name)
        if old is None:
            continue
        is_same = (channel.host, channel.port, channel.tls) == (old.host, old.port, old.tls)
        if channel.password and channel.password == old.password and not is_same:
            raise BadRequest(
                f"The server of {name[:100]} or its encryption changed, but not the password.",
                hint="Send the password again.",
            )
        unchanged = set(channel.headers.items()) & set(old.headers.items())
        if unchanged and channel.url != old.url:
            raise BadRequest(f"The URL of {name[:100]} changed, but not its headers.", hint="Send the headers.")


def _check_channel(name: str, channel: Channel) -> None:
    limits.check_line("The name of a channel", name)
    for text in (channel.url, channel.host, channel.user, channel.sender, *channel.to):
        limits.check_line(f"A field of the channel {name}", text)
    if channel.kind == "email":
        if not channel.to:
            raise BadRequest(f"The channel {name} needs addresses in `to`.")
        if channel.uses_instance_server and (channel.user or channel.password or channel.sender):
            raise BadRequest(
                f"The channel {name} has a user, password or sender, but no host.",
                hint="Without them, its mails are sent by the mail server of the setting smtp.",
            )
    elif not channel.url.startswith(("https://", "http://")):
        raise BadRequest(f"The channel {name} needs an http or https URL.")
