import { useSearchParams } from "react-router";

/** What the address says of a list (its search, its order), and how one of it is set; nothing takes it away. */
export function useUrlParams(): [URLSearchParams, (name: string, value: string) => void] {
  const [search, setSearch] = useSearchParams();
  const set = (name: string, value: string) => {
    // Of the address as it is, not as it was drawn: two changes may come between two drawings.
    const after = new URLSearchParams(window.location.search);
    if (value) after.set(name, value);
    else after.delete(name);
    setSearch(after, { replace: true });
  };
  return [search, set];
}
