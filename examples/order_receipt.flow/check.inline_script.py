def main(lines: list) -> dict:
    seen = set()
    for line in lines:
        if line["sku"] in seen:
            raise ValueError(f"{line['sku']} stands in the order twice")
        seen.add(line["sku"])
    pieces = sum(line["quantity"] for line in lines)
    print(f"{len(lines)} lines, {pieces} pieces")
    return {"lines": len(lines), "pieces": pieces}
