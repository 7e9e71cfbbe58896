import json
import urllib.request
from typing import Any

slack = dict[str, Any]  # a resource of this type


def main(workspace: slack, channel: str, text: str, thread: str = "") -> dict:
    """Post a message to a channel of Slack, or as a reply in a thread. The bot must be a member of the channel."""
    body = {"channel": channel, "text": text, **({"thread_ts": thread} if thread else {})}
    request = urllib.request.Request(
        "https://slack.com/api/chat.postMessage",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {workspace['token']}", "Content-Type": "application/json; charset=utf-8"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer = json.load(response)
    if not answer.get("ok"):
        raise RuntimeError(f"Slack refused the message: {answer.get('error', 'unknown')}")
    return {"channel": answer["channel"], "thread": answer["ts"]}
