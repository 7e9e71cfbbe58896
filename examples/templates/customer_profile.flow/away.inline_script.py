def main() -> dict:
    """Stands for a source that cannot be reached."""
    raise ConnectionError("the source does not answer")
