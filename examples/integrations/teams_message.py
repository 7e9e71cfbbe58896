import json
import urllib.error
import urllib.request


def main(webhook_url: str, text: str, title: str = "", facts: dict[str, str] | None = None) -> dict:
    """Post a card to a channel of Microsoft Teams by the webhook of a workflow of the channel."""
    blocks = [{"type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": True}] if title else []
    blocks.append({"type": "TextBlock", "text": text, "wrap": True})
    if facts:
        rows = [{"title": name, "value": str(value)} for name, value in facts.items()]
        blocks.append({"type": "FactSet", "facts": rows})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    request = urllib.request.Request(
        webhook_url,
        data=json.dumps({"type": "message", "attachments": [attachment]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return {"status": response.status}
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"Teams refused the message: status {error.code}") from None
