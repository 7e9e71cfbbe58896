import smtplib
import ssl
from email.message import EmailMessage
from typing import Any

smtp = dict[str, Any]  # a resource of this type


def main(
    server: smtp,
    to: list[str],
    subject: str,
    text: str,
    cc: list[str] | None = None,
    html: str = "",
    sender: str = "",
) -> dict:
    """Send a mail by the server of a resource, from its sender or another one."""
    message = EmailMessage()
    message["From"] = sender or server.get("sender") or server.get("user") or ""
    message["To"] = ", ".join(to)
    if cc:
        message["Cc"] = ", ".join(cc)
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    context = ssl.create_default_context()
    address = (server["host"], int(server.get("port") or 587))
    if server.get("tls"):
        connection = smtplib.SMTP_SSL(*address, timeout=30, context=context)
    else:
        connection = smtplib.SMTP(*address, timeout=30)
    with connection:
        if server.get("starttls", True) and not server.get("tls"):
            connection.starttls(context=context)
        if server.get("user"):
            connection.login(server["user"], server.get("password") or "")
        refused = connection.send_message(message)
    return {"sent": len(to) + len(cc or []) - len(refused), "refused": sorted(refused)}
