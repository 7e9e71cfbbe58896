import { type AnchorHTMLAttributes, type MouseEvent, type Ref, useEffect } from "react";
import { useLocation, useNavigate } from "./hooks";
import { hrefOf, type To } from "./router";

export interface LinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> {
  to: To;
  ref?: Ref<HTMLAnchorElement>;
}

/** Link to another page. Clicks that open a tab or a window are those of the browser. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  const navigate = useNavigate();
  // The address of a link without a path depends on that of the page.
  useLocation();
  const href = hrefOf(to);
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    if (event.defaultPrevented || event.button !== 0 || hasModifier(event) || rest.target) return;
    event.preventDefault();
    void navigate(to, { replace: href === hrefOf(window.location.href) });
  };
  return <a {...rest} href={href} onClick={follow} />;
}

const hasModifier = (event: MouseEvent) => event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;

/** Link that is marked as current at its address, and at those below it unless `end`. */
export function NavLink({ to, end = false, ...rest }: LinkProps & { to: string; end?: boolean }) {
  const { pathname } = useLocation();
  const isCurrent = pathname === to || (!end && pathname.startsWith(`${to}/`));
  return <Link to={to} aria-current={isCurrent ? "page" : undefined} {...rest} />;
}

/** Show another address in place of this one. */
export function Navigate({ to }: { to: string }) {
  const navigate = useNavigate();
  useEffect(() => void navigate(to, { replace: true }), [navigate, to]);
  return null;
}
