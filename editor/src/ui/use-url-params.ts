import { useSearchParams } from "../routing/hooks";

/** Return the parameters of the address and a function that sets one of them. An empty value deletes it. */
export function useUrlParams(): [URLSearchParams, (name: string, value: string) => void] {
  const [search, setSearch] = useSearchParams();
  const set = (name: string, value: string) => {
    // Read the current address, not the rendered one: two changes may precede a render.
    const after = new URLSearchParams(window.location.search);
    if (value) after.set(name, value);
    else after.delete(name);
    setSearch(after, { replace: true });
  };
  return [search, set];
}
