def main(what: str, decision: dict | None = None) -> dict:
    """Tell whoever asked for it."""
    return {"paid": 0, "what": what, "reason": (decision or {}).get("reason") or "nobody agreed"}
