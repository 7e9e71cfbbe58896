from decimal import ROUND_HALF_UP, Decimal
from typing import TypedDict

from email_validator import validate_email

TAX = {"DE": Decimal("0.19"), "FR": Decimal("0.20"), "US": Decimal("0")}
CENT = Decimal("0.01")


class Line(TypedDict):
    sku: str
    quantity: int
    unit_price: float


def main(email: str, country: str, lines: list[Line]):
    """Net, tax and total in the currency of the price list; the address as a mail server would write it."""
    address = validate_email(email, check_deliverability=False)
    net = sum((Decimal(str(line["unit_price"])) * line["quantity"] for line in lines), Decimal(0))
    tax = (net * TAX.get(country, Decimal("0.21"))).quantize(CENT, ROUND_HALF_UP)
    print(f"{len(lines)} lines, net {net}, tax {tax}")
    return {"email": address.normalized, "net": float(net), "tax": float(tax), "total": float(net + tax)}
