"""Reasons as sentences with a code, from which a client can write them in another language.

The editor has a text for each code, `codes.reason_<code>`. A stored reason begins with its English sentence, so that
rows of earlier versions, which have only that, are read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from orvanta_platform.errors import OrvantaError

TEXTS: Final[Mapping[str, str]] = {
    "internal": "An internal error; the log of the server contains it.",
    "hidden": "Members who may apply see the reason.",
    "identity_disabled": "identity_disabled: the member for whom it acts was disabled or removed.",
    "not_a_member": "{user} is no longer an enabled member of {workspace}.",
    "not_an_applier": "You may not apply releases to {environment}.",
    "release_unreadable": "{user} may no longer read release {number} of {workspace}.",
    "acting_item": "The release changes the {kind} {path}, which acts for a member; a person must apply it.",
    "removed_item": "The release removes the {kind} {path}; a person must apply it.",
    "no_longer_due": "Automatic promotion was turned off, or the release is no longer due.",
    "release_replaced": "Another release was deployed in the meantime.",
    "rollback_not_ordered": "The rules of the environment no longer order a rollback.",
    "release_deleted": "The release was deleted.",
    "workflow_absent": "The workflow {path} does not exist in {workspace}.",
    "workflow_invalid": "The workflow {path} is not valid in {workspace}.",
    "test_failed": "The test {test} of the workflow {path} fails.",
    "too_many_tests": "The workflows of the release have more than {count} tests.",
    "smoke_run_late": "The {kind} {path} failed. It did not end within {seconds} s and was cancelled.",
    "smoke_run_deleted": "The {kind} {path} failed. It was deleted.",
    "smoke_run_changed": "The {kind} {path} failed. A member cancelled a part of it, paused, continued or moved it.",
    "smoke_run_status": "The {kind} {path} failed. It ended with the status {status}.",
    "smoke_run_internal": "The {kind} {path} failed. An internal error; the log of the server contains it.",
    "smoke_run_not_started": "The {kind} {path} failed. It could not start ({error}).",
    "overlap": "the previous run has not ended",
    "missed_tick": "1 tick was missed and not started, by the rule {rule}",
    "missed_ticks": "{count} ticks were missed and not started, by the rule {rule}",
    "missed_many_ticks": "more than {count} ticks were missed and not started, by the rule {rule}",
    "schedule_gone": "the schedule was deleted or disabled meanwhile",
    "skip_script_true": "{path} returned true",
    "skip_script_ended": "{path}, which decides whether to skip it, {status}",
    "schedule_owner_gone": "{user}, for whom the schedule acts, is no longer a member of {workspace}.",
    "not_started": "It could not start: {error}.",
    "alert_queue_age": "Jobs waiting in the queue {queue}: {count}, the oldest for more than {seconds} s. "
    "Workers that serve it: {workers}.\nStart more workers, or check what occupies their slots: {page}",
    "alert_no_worker": "Jobs waiting in the queue {queue}, which no worker serves: {count}.\n"
    "Start a worker with this queue, or resume a drained one: {page}",
    "alert_other_queues": "Other queues to which the same applies, by the names in the tags of runs: {count}. "
    "All queues: {page}",
    "alert_database_size": "The database has {size}, and the limit of the alert is {limit}.\n"
    "Shorten the retention of runs, or enlarge its disk. `orvanta admin storage` shows what uses the space.",
    "alert_disk": "{percent} % of the disk of ORVANTA_HOME on {host} is free.\n"
    "Delete what is not needed there, or enlarge the disk: with a full disk, runs wait and the database stops.",
    "alert_failing": "The last run of the {kind} {path} failed.\nOpen it to see the error, then run it again or "
    "deploy a corrected version: {page}",
    "alert_group_workers": "Workers of the group {group} that claim jobs: {count}, at least {minimum} required.\n"
    "Start more workers, or resume drained ones: {page}",
    "alert_lost_workers": "A worker stopped sending heartbeats, and its jobs run again.\nCheck whether its machine or "
    "process crashed or ran out of memory; the page shows the workers that remain: {page}",
    "alert_schedule_error": "The reason is: {reason}\nCorrect or disable the schedule: {page}",
    "alert_schedule_overdue": "Its run is overdue. Check the log of the servers.\n"
    "Correct or disable the schedule: {page}",
    "alert_expiring_token": "The token {label} ({prefix}…) of {email} expires on {date}.\n"
    "Its owner creates another one and replaces it where it is used: {page}",
}
"""English text of each code; the names in braces are values."""

_KINDS: Final = {"flow": "workflow", "http_trigger": "HTTP trigger"}
"""Names of kinds of items in English, if they differ from the kind."""

_SEPARATOR: Final = "\x1e"

BLOCKER: Final = "blocker_"
"""Begin of the codes of reasons for which a release cannot be deployed; they have no text here."""


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence, and the code and the values from which it is made. Without a code, it is in English only."""

    message: str
    code: str = ""
    values: Mapping[str, str | int] = {}


class _Origin(msgspec.Struct):
    code: str
    values: dict[str, str | int]


def reason(code: str, /, **values: str | int) -> Reason:
    """Return the reason with a code of `TEXTS`."""
    shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
    if "kind" in shown:
        shown["kind"] = _KINDS.get(shown["kind"], shown["kind"])
    return Reason(TEXTS[code].format(**shown), code, values)


def reason_of(error: OrvantaError) -> Reason:
    """Return the message of an error as a reason."""
    return error.coded or Reason(error.message)


def stored(found: Reason) -> str:
    """Return the text in which a reason is stored.

    The message may contain texts of members, such as the names of inputs: a separator in it would make the rest a code.
    """
    message = found.message.replace(_SEPARATOR, " ")
    if not found.code:
        return message
    origin = msgspec.json.encode(_Origin(found.code, dict(found.values))).decode()
    return f"{message}{_SEPARATOR}{origin}"


def restored(text: str) -> Reason:
    """Return the reason that is stored as a text, also as one of an earlier version."""
    message, separator, encoded = text.rpartition(_SEPARATOR)
    try:
        origin = msgspec.json.decode(encoded, type=_Origin) if separator else None
    except msgspec.DecodeError:
        origin = None
    if origin is not None and (origin.code in TEXTS or origin.code.startswith(BLOCKER)):
        return Reason(message, origin.code, origin.values)
    # Triggers and promotions that ended with their member have the code in front.
    return Reason(text, "identity_disabled" if text.startswith("identity_disabled") else "")
