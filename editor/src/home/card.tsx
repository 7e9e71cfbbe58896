import type { ReactNode } from "react";
import { Link } from "../routing/link";
import { t } from "../texts/home";
import { Skeleton } from "../ui/states";
import { Time } from "../ui/time";
import css from "./home.module.css";

/** Numbers of the overview are counted up to this one. */
const LIMIT = 50;

interface CardProps {
  title: string;
  count?: number;
  /** Text of the link to the whole list. */
  all: string;
  to: string;
  emptyText: string;
  /** The entries are being fetched. */
  loading?: boolean;
  children: ReactNode[];
}

/** Section of the home page with a few entries of a list. */
export function Card({ title, count = 0, all, to, emptyText, loading = false, children }: CardProps) {
  return (
    <section className={css.card} aria-label={title}>
      <div className={css.title}>
        <h2>
          {title}{" "}
          {count > 0 && (
            <span className={css.count}>{count >= LIMIT ? t("home.orMore", { count: LIMIT }) : count}</span>
          )}
        </h2>
        <Link to={to}>{all}</Link>
      </div>
      {loading && <Skeleton rows={2} />}
      {!loading && children.length === 0 && <p className={css.empty}>{emptyText}</p>}
      {children.length > 0 && <ul className={css.list}>{children}</ul>}
    </section>
  );
}

/** Return the details of an entry in one line. */
export const joined = (...details: readonly (string | null | undefined)[]): string =>
  details.filter(Boolean).join(" · ");

/** Return the name of the entry of a workflow or script, and its path before a detail. */
export const named = (summary = "", path = "", detail = "") => ({
  name: summary || path || t("home.preview"),
  detail: joined(summary && path, detail),
});

interface LineProps {
  to: string;
  name: string;
  detail?: string;
  at?: string;
  ahead?: boolean;
  children: ReactNode;
}

/** Entry of a card: a name with a detail below it, and a status at the right. */
export function Line({ to, name, detail = "", at, ahead = false, children }: LineProps) {
  return (
    <li className={css.line}>
      <span className={css.name}>
        <Link to={to}>{name}</Link>
        {detail && <span className={css.detail}>{detail}</span>}
      </span>
      <span className={css.status}>
        {children}
        {at && (
          <span className={css.when}>
            <Time at={at} ahead={ahead} />
          </span>
        )}
      </span>
    </li>
  );
}
