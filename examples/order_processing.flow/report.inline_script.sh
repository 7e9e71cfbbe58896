order_id="$1"
pieces="$2"
items="$3"

echo "packing $pieces pieces" >&2
echo "Order $order_id: $items ($pieces pieces)"
