-- $1 minimum (int)
SELECT *
FROM orders
WHERE amount >= $1
ORDER BY amount DESC
LIMIT 100
