import { LOCALE } from "../texts/language";

function format(unit: string, digits: number, unitDisplay: "short" | "long" = "short"): Intl.NumberFormat {
  return new Intl.NumberFormat(LOCALE, {
    style: "unit",
    unit,
    unitDisplay,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

const BYTES = format("byte", 0, "long");
const KILOBYTES = format("kilobyte", 0);
const MEGABYTES = format("megabyte", 1);

/** Return a size such as "512 bytes", "64 kB" or "20.0 MB". */
export function bytes(count: number): string {
  if (count < 1000) return BYTES.format(count);
  if (count < 1_000_000) return KILOBYTES.format(count / 1000);
  return MEGABYTES.format(count / 1_000_000);
}
