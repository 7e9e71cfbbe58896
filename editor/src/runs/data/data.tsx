import { useRun } from "../context";

/** What came in, what came out. */
export function RunData() {
  const { id } = useRun();
  return <p>{id}</p>;
}
