NAMES = ("orders", "messages", "away")


def main(customer: str, sources: list) -> dict:
    missing = [name for name, found in zip(NAMES, sources) if not isinstance(found, dict) or "error" in found]
    known = {name: found for name, found in zip(NAMES, sources) if name not in missing}
    return {"customer": customer, "known": known, "missing": missing}
