def main(subject: str) -> dict:
    """Replace by the call that opens the case."""
    return {"sent_to": "on duty", "subject": subject}
