def main(name: str) -> dict:
    """Replace by the call that starts the job; give back its id."""
    return {"job": f"job-{name}"}
