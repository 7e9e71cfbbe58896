def main(order_id: str, price: dict, extra: dict, packing: str):
    """Everything that goes into the envelope."""
    return {
        "order_id": order_id,
        "email": price["email"],
        "total": price["total"],
        "tax": price["tax"],
        "tier": extra["tier"],
        "delivery_days": extra["deliveryDays"],
        "packing": packing,
    }
