import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { ActingItem, Departure } from "../api/members";
import { kindName } from "../kinds/kind-name";
import { t } from "../texts/settings";
import { FormDialog, Loaded, Problem, type Submission } from "./parts";
import css from "./settings.module.css";

/** Return whether items of this kind start runs, and are enabled again for a new owner. */
export const isTrigger = (kind: string): boolean => ["schedule", "http_trigger", "error_handler"].includes(kind);

interface Props {
  title: string;
  submitLabel: string;
  departure: UseQueryResult<Departure>;
  submission: Submission;
  /** End the access. `cancelRuns`: cancel the runs in progress. */
  submit: (cancelRuns: boolean) => Promise<unknown>;
  close: () => void;
  /** Show the workspaces of the items. */
  workspaces?: boolean;
  children?: ReactNode;
}

/** Dialog that ends the access of a person and shows beforehand what stops. */
export function DepartureDialog({ departure, workspaces = false, children, submit, ...dialog }: Props) {
  const [cancelRuns, setCancelRuns] = useState(false);
  const { data } = departure;
  return (
    <FormDialog {...dialog} look="danger" submit={() => submit(cancelRuns)}>
      <Loaded query={departure} />
      {data && (
        <>
          {data.only_admin_of.length > 0 && (
            <Problem text={t("settings.onlyAdmin", { workspaces: data.only_admin_of.join(", ") })} />
          )}
          <p>{t("settings.departureEnds", { sessions: data.sessions, tokens: data.tokens })}</p>
          {data.items.length === 0 && <p className={css.note}>{t("settings.departureNoItems")}</p>}
          {data.items.length > 0 && (
            <>
              <p>{t("settings.departureStops", { count: data.items.length })}</p>
              <Items label={t("settings.departureItems")} items={data.items} workspaces={workspaces} />
            </>
          )}
          {data.owned.length > 0 && (
            <>
              <p>{t("settings.departureOwned", { count: data.owned.length })}</p>
              <Items label={t("settings.ownedItems")} items={data.owned} workspaces={workspaces} />
            </>
          )}
          {children}
          {data.runs > 0 && (
            <label className={css.check}>
              <input type="checkbox" checked={cancelRuns} onChange={(event) => setCancelRuns(event.target.checked)} />
              {t("settings.cancelRuns", { count: data.runs })}
            </label>
          )}
        </>
      )}
    </FormDialog>
  );
}

function Items(props: { label: string; items: readonly ActingItem[]; workspaces: boolean }) {
  const { label, items, workspaces } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long list is scrolled by keyboard
    <ul className={css.items} tabIndex={0} aria-label={label}>
      {items.map((each) => (
        <li key={`${each.workspace_id} ${each.kind} ${each.path}`}>
          {kindName(each.kind)} <code>{each.path}</code>
          {workspaces && ` (${each.workspace_id})`}
        </li>
      ))}
    </ul>
  );
}
