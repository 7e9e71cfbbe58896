def main(urls: list, answers: list) -> dict:
    """An address that failed after its retries left nothing."""
    down = [url for url, status in zip(urls, answers) if status is None]
    return {"up": len(urls) - len(down), "down": down}
