def main(job: str, questions: int, at_most: int) -> dict:
    """Replace by the call that asks for the job's state; this one is ready at the third question."""
    if questions > at_most:
        raise TimeoutError(f"{job} was not ready after {at_most} questions")
    return {"ready": questions >= 3, "job": job}
