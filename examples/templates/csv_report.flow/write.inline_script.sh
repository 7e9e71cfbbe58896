totals="$1"
refused="$2"
printf '{"report": "%s"}\n' "$(printf '%s\\nrefused: %s' "${totals//$'\n'/\\n}" "$refused")"
