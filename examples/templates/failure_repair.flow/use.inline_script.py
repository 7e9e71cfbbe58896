def main(found: dict) -> dict:
    return {"used": found["source"]}
