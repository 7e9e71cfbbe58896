def main(source: str, answers: bool) -> dict:
    """Replace by the call of the source."""
    if not answers:
        raise ConnectionError(f"{source} does not answer")
    return {"source": source}
