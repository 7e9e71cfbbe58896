from decimal import ROUND_HALF_UP, Decimal

TAX = {"DE": Decimal("0.19"), "FR": Decimal("0.20"), "PL": Decimal("0.23")}
CENT = Decimal("0.01")


def main(lines: list, country: str) -> dict:
    net = sum((Decimal(str(line["unit_price"])) * line["quantity"] for line in lines), Decimal(0))
    tax = (net * TAX.get(country, Decimal(0))).quantize(CENT, ROUND_HALF_UP)
    print(f"net {net}, tax {tax}")
    return {"net": float(net), "tax": float(tax), "total": float(net + tax)}
