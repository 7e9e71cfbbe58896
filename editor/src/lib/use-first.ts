import { useState } from "react";

/**
 * Return the first value that is not null, for as long as the component is mounted. An editor that opens with it stays
 * open regardless of later responses.
 */
export function useFirst<T>(value: T | null): T | null {
  const [first, setFirst] = useState(value);
  if (first === null && value !== null) setFirst(value);
  return first ?? value;
}
