WORDS = {"bill": ("invoice", "bill", "refund"), "outage": ("down", "outage", "error 500")}


def main(subject: str, text: str) -> dict:
    said = f"{subject} {text}".lower()
    found = {kind: sum(word in said for word in words) for kind, words in WORDS.items()}
    kind = max(found, key=found.get)
    return {"kind": kind if found[kind] else "other", "found": found}
