def main(order_id: str, price: dict, label: str) -> dict:
    return {"order_id": order_id, "total": price["total"], "tax": price["tax"], "label": label}
