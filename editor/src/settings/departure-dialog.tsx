import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { ActingItem, Departure } from "../api/members";
import { t } from "../texts/settings";
import { FormDialog, Loaded, Problem, type Submission } from "./parts";
import { ScrolledItems } from "./scrolled-items";
import css from "./settings.module.css";

const DISABLED = ["schedule", "http_trigger", "error_handler", "service_account"];

/** Return whether items of this kind are disabled when their owner leaves, and can be enabled again for a new one. */
export const canBeEnabled = (kind: string): boolean => DISABLED.includes(kind);

interface Props {
  title: string;
  submitLabel: string;
  /** Scope of the act: the workspace or the whole installation. */
  affects: string;
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
export function DepartureDialog({ affects, departure, workspaces = false, children, submit, ...dialog }: Props) {
  const [cancelRuns, setCancelRuns] = useState(false);
  const { data } = departure;
  const note = (item: ActingItem) => (workspaces ? ` (${item.workspace_id})` : "");
  return (
    <FormDialog {...dialog} look="danger" ready={data !== undefined} submit={() => submit(cancelRuns)}>
      <p>{affects}</p>
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
              <ScrolledItems label={t("settings.departureItems")} items={data.items} note={note} />
            </>
          )}
          {data.owned.length > 0 && (
            <>
              <p>{t("settings.departureOwned", { count: data.owned.length })}</p>
              <ScrolledItems label={t("settings.ownedItems")} items={data.owned} note={note} />
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
