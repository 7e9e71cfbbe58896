"""Code of converted nodes that call other systems. Their credentials are resources."""

from __future__ import annotations

from typing import Final

SLACK: Final = '''import json
import urllib.request


def main(workspace: dict, channel: str, text: str, thread: str = ""):
    """Post a message to a channel of Slack."""
    body = {"channel": channel, "text": text}
    if thread:
        body["thread_ts"] = thread
    request = urllib.request.Request(
        "https://slack.com/api/chat.postMessage",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {workspace['token']}", "Content-Type": "application/json; charset=utf-8"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    if not answer.get("ok"):
        raise RuntimeError(f"Slack refused the message: {answer.get('error', 'unknown')}")
    return answer
'''

MAIL: Final = '''import smtplib
from email.message import EmailMessage


def main(server: dict, to, subject: str, text: str = "", html: str = "", sender: str = "", cc=""):
    """Send a mail by the server of a resource."""
    receivers = {"To": _addresses(to), "Cc": _addresses(cc)}
    message = EmailMessage()
    message["From"] = sender or server.get("sender") or server.get("user") or ""
    message["Subject"] = subject
    for name, addresses in receivers.items():
        if addresses:
            message[name] = ", ".join(addresses)
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    secure = bool(server.get("tls"))
    kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
    with kind(server["host"], int(server.get("port") or 587), timeout=30) as connection:
        if not secure and server.get("starttls", True):
            connection.starttls()
        if server.get("user"):
            connection.login(server["user"], server.get("password") or "")
        refused = connection.send_message(message)
    return {"accepted": [each for names in receivers.values() for each in names if each not in refused]}


def _addresses(found):
    parts = found if isinstance(found, list) else str(found or "").split(",")
    return [each.strip() for each in parts if each.strip()]
'''
