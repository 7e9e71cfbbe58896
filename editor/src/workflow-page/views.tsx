import { Link, useParams, useSearchParams } from "react-router";
import { t } from "../texts/workflow-page";
import css from "./views.module.css";

export type View = "graph" | "versions" | "triggers";

const VIEWS: [View, string][] = [
  ["graph", t("workflow-page.graph")],
  ["versions", t("workflow-page.versions")],
  ["triggers", t("workflow-page.triggers")],
];

/** Return the shown view of the workflow, from the address. */
export function useView(): View {
  const [search] = useSearchParams();
  const asked = search.get("view");
  return asked === "versions" || asked === "triggers" ? asked : "graph";
}

export function ViewLinks() {
  const shown = useView();
  const { workspace, "*": path = "" } = useParams();
  return (
    <nav className={css.views} aria-label={t("workflow-page.views")}>
      {VIEWS.map(([view, name]) => (
        <Link
          key={view}
          className={css.view}
          to={{ search: view === "graph" ? "" : `?view=${view}` }}
          aria-current={view === shown ? "page" : undefined}
        >
          {name}
        </Link>
      ))}
      <Link className={css.view} to={`/w/${workspace}/runs?path=${encodeURIComponent(path)}`}>
        {t("workflow-page.runs")}
      </Link>
    </nav>
  );
}
