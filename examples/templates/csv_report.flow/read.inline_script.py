import csv
import io


def main(text: str, group_by: str, value: str) -> dict:
    rows, refused = [], []
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        try:
            rows.append({"group": row[group_by], "value": float(row[value])})
        except (KeyError, TypeError, ValueError) as error:
            refused.append({"line": reader.line_num, "reason": f"{type(error).__name__}: {error}"})
    return {"rows": rows, "refused": refused}
