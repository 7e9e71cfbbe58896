def main(rows: list) -> list:
    totals: dict = {}
    for row in rows:
        totals[row["group"]] = totals.get(row["group"], 0) + row["value"]
    return [{"group": group, "total": totals[group]} for group in sorted(totals)]
