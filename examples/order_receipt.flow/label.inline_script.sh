name="$1"
city="$2"
country="$3"
pieces="${4:-1}"

echo "writing the label of $pieces pieces" >&2
printf '%s | %s, %s | %s pcs\n' "${name^^}" "$city" "$country" "$pieces"
