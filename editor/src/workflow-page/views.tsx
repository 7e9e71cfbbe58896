import { searchOf, VIEWS, type View } from "../actions/views";
import { useSearchParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t } from "../texts/workflow-page";
import { useOneStop } from "../ui/one-stop";
import css from "./views.module.css";

/** Return the shown view of the workflow, from the address. */
export function useView(): View {
  const [search] = useSearchParams();
  return VIEWS.find(([view]) => view === search.get("view"))?.[0] ?? "graph";
}

export function ViewLinks() {
  const shown = useView();
  return (
    <nav {...useOneStop<HTMLElement>()} className={css.views} aria-label={t("workflow-page.views")}>
      {VIEWS.map(([view, name]) => (
        <Link
          key={view}
          className={css.view}
          to={{ search: searchOf(view) }}
          aria-current={view === shown ? "page" : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}
