"""The approval page for people: shows a pending decision with two buttons. It needs no scripts and works on phones."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.control.links import Action
from orvanta_platform.errors import BadRequest, Conflict, InvalidInput, OrvantaError, Unauthenticated
from orvanta_platform.http import approval_html as html
from orvanta_platform.http.html_page import POLICY
from orvanta_platform.http.requests import AnyRequest, platform_of
from orvanta_platform.http.routes.approvals import MAX_BODY, decider_of
from orvanta_platform.services.approvals import decisions, forms
from orvanta_platform.services.approvals.decisions import LinkView
from orvanta_platform.services.approvals.links import Link

_PATH = "/approve/{workspace:str}/{id:uuid}/{resume_id:int}/{signature:str}"
_MAX_FIELDS = 200
_MAX_REASON = 2_000
_SERVER_ERROR = 500


@get(_PATH)
async def show_approval(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    signature: FromPath[str],
    approver: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Show a pending decision. Opening the page decides nothing."""
    try:
        seen = await decisions.get_by_link(platform_of(request), workspace, Link(id, resume_id, signature))
    except OrvantaError as error:
        return _refused(error)
    return _page(html.question(seen, _name(request, approver), hints=seen.hints))


@post(_PATH, status_code=200, request_max_body_size=MAX_BODY)
async def decide_approval(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    signature: FromPath[str],
    approver: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Record the decision of a submitted approval page."""
    platform, link = platform_of(request), Link(id, resume_id, signature)
    try:
        seen = await decisions.get_by_link(platform, workspace, link)
        sent = _fields(await request.body())
        approved = _decision(sent)
        action = _action(seen, approved)
    except OrvantaError as error:
        return _refused(error)
    form = forms.values(seen.request.consent.form, html.submitted_values(sent)) if seen.request else {}
    reason = sent.get("reason", "").strip()[:_MAX_REASON] or None
    decider = decider_of(request, approver, msgspec.json.encode(form), reason)
    try:
        outcome = await decisions.decide_by_link(platform, workspace, link, action, approved=approved, decider=decider)
    except InvalidInput as error:
        shown = html.question(seen, _name(request, approver), error=f"{error.message}", sent=sent, hints=seen.hints)
        return _page(shown, error.status)
    except OrvantaError as error:
        return _refused(error)
    word = "approved" if outcome.approved else "rejected"
    text = f"Recorded: {word} by {outcome.approver}."
    return _page(html.message(word.capitalize(), text, "You can close this page."))


def _name(request: AnyRequest, approver: str | None) -> str | None:
    """Return the username of the signed-in member, or None. The name in the link does not count."""
    person = decider_of(request, approver, b"{}").person
    return person.username if person is not None else None


def _fields(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise BadRequest("The form cannot be read.") from error


def _decision(sent: Mapping[str, str]) -> bool:
    decision = sent.get("decision")
    if decision not in ("approved", "rejected"):
        raise BadRequest("Nothing was decided.", hint="Press one of the buttons.")
    return decision == "approved"


def _action(seen: LinkView, approved: bool) -> Action:
    """Return the action in the link that permits this decision. Raises BadRequest if there is none."""
    required = Action.RESUME if approved else Action.CANCEL
    hidden = seen.request is not None and seen.request.consent.hide_cancel and not approved
    if required in seen.actions:
        return required
    if Action.PAGE in seen.actions and not hidden:
        return Action.PAGE
    raise BadRequest("This link does not allow that decision.")


def _page(body: bytes, status: int = 200) -> Response[bytes]:
    return Response(
        body,
        status_code=status,
        media_type="text/html",
        headers={"Content-Security-Policy": POLICY, "X-Frame-Options": "DENY"},
    )


def _refused(error: OrvantaError) -> Response[bytes]:
    """Return an error as a page. Server errors are raised again for the common handler."""
    if error.status >= _SERVER_ERROR:
        raise error
    title = "Already decided" if isinstance(error, Conflict) else "The request failed"
    hint = "Log in, then open this link again." if isinstance(error, Unauthenticated) else error.hint
    return _page(html.message(title, error.message, hint), error.status)


ROUTES = [show_approval, decide_approval]
