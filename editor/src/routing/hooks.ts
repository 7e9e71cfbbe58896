import { useCallback, useContext, useMemo } from "react";
import type { Params } from "./match";
import { RouterContext, ViewContext } from "./provider";
import type { Place, Router } from "./router";

/** Return the parameters of the path of the page. */
export function useParams(): Params {
  return useContext(ViewContext).params;
}

/** Return the address of the page. */
export function useLocation(): Place {
  return useContext(ViewContext).place;
}

/** Return the function that shows another address. It is the same in every render. */
export function useNavigate(): Router["navigate"] {
  const router = useContext(RouterContext);
  if (!router) throw new TypeError("no router around this component");
  return router.navigate;
}

type SetSearch = (search: URLSearchParams | Record<string, string>, options?: { replace?: boolean }) => void;

/** Return the parameters after the `?` of the address, and a function that replaces them. */
export function useSearchParams(): [URLSearchParams, SetSearch] {
  const { search } = useLocation();
  const navigate = useNavigate();
  const params = useMemo(() => new URLSearchParams(search), [search]);
  const set = useCallback<SetSearch>(
    (next, options) => void navigate({ search: `?${new URLSearchParams(next)}` }, options),
    [navigate],
  );
  return [params, set];
}
