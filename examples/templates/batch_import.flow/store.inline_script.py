def main(row: dict) -> int:
    """Replace by the write to the system that takes the rows; give back what it calls the row."""
    if "@" not in row.get("email", ""):
        raise ValueError(f"row {row['id']} has no e-mail address")
    return row["id"]
