/** "512 bytes", "64 kB", "20.0 MB". */
export function bytes(count: number): string {
  if (count < 1000) return count === 1 ? "1 byte" : `${count} bytes`;
  if (count < 1_000_000) return `${Math.round(count / 1000)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}
