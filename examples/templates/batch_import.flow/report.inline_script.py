def main(rows: list, stored: list) -> dict:
    failed = [row["id"] for row, found in zip(rows, stored) if found is None]
    return {"imported": len(rows) - len(failed), "failed": failed}
