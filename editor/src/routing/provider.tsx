import { Component, type ComponentType, createContext, type ReactNode, useContext, useEffect, useState } from "react";
import type { Place, Router, View } from "./router";

interface Fallbacks {
  /** Shown in place of a component that is being loaded. */
  loading: ComponentType;
  /** Shown in place of a component that failed. */
  failed: ComponentType<{ error: unknown }>;
}

const NOWHERE: View = { place: { pathname: "/", search: "", hash: "" }, params: {}, layers: [], error: null };

export const RouterContext = createContext<Router | null>(null);
export const ViewContext = createContext(NOWHERE);
const DepthContext = createContext(0);
const FallbacksContext = createContext<Fallbacks>({ loading: () => null, failed: () => null });

/** Show the page of the address. */
export function RouterProvider({ router, fallbacks }: { router: Router; fallbacks: Fallbacks }) {
  const [view, setView] = useState(router.view);
  useEffect(() => {
    setView(router.view());
    return router.subscribe(setView);
  }, [router]);
  return (
    <RouterContext value={router}>
      <FallbacksContext value={fallbacks}>
        <ViewContext value={view}>
          <Outlet />
        </ViewContext>
      </FallbacksContext>
    </RouterContext>
  );
}

/** The component of the next layer of the route, or the message of its error. */
export function Outlet() {
  const depth = useContext(DepthContext);
  const view = useContext(ViewContext);
  const fallbacks = useContext(FallbacksContext);
  const layer = view.layers[depth];
  if (!layer) return null;
  if (view.error !== null && !layer.component) return <fallbacks.failed error={view.error} />;
  const Content = layer.component ?? fallbacks.loading;
  return (
    <Boundary place={view.place} failed={fallbacks.failed}>
      <DepthContext value={depth + 1}>
        <Content />
      </DepthContext>
    </Boundary>
  );
}

interface BoundaryProps {
  place: Place;
  failed: Fallbacks["failed"];
  children: ReactNode;
}

interface BoundaryState {
  place: Place | null;
  failure: { error: unknown } | null;
}

/** Shows an error of its children until the address changes. */
class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { place: null, failure: null };

  static getDerivedStateFromError(error: unknown): Partial<BoundaryState> {
    return { failure: { error } };
  }

  static getDerivedStateFromProps({ place }: BoundaryProps, state: BoundaryState): BoundaryState | null {
    return place === state.place ? null : { place, failure: null };
  }

  override render() {
    const { failure } = this.state;
    const { failed: Failed, children } = this.props;
    return failure ? <Failed error={failure.error} /> : children;
  }
}
