import type { UseQueryResult } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { ApiError, errorText } from "../lib/api-error";
import { t } from "../texts/settings";
import { Confirm } from "../ui/confirm";
import { Button, Input } from "../ui/controls";
import { CopyableCommand } from "../ui/copyable-command";
import { Dialog, dialogCss } from "../ui/dialog";
import { moveFocusByRow, useListTools } from "../ui/list-tools";
import { Empty, Failed, Skeleton } from "../ui/states";
import { useScrolledIntoView } from "../ui/use-scrolled-into-view";
import { withCode } from "../ui/with-code";
import css from "./settings.module.css";

/** Error texts by name of the field; "" for the form as a whole. */
export type FieldErrors = Readonly<Record<string, string | undefined>>;

const NO_ERRORS: FieldErrors = {};

/** State of a form or button that sends a request. */
export interface Submission {
  busy: boolean;
  errors: FieldErrors;
  /** Send unless `problems` has a text. Return whether the request succeeded; its error is stored in `errors`. */
  send: (work: () => Promise<unknown>, problems?: FieldErrors) => Promise<boolean>;
  /** Remove the errors. */
  clear: () => void;
}

/**
 * Return the state of a form. `fieldOf`: the field to which an error of the server belongs, "" for the form; `textOf`: the
 * text of an error.
 */
export function useSubmission(
  fieldOf: (error: ApiError) => string = () => "",
  textOf: (error: unknown) => string = errorText,
): Submission {
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState(NO_ERRORS);
  const send = async (work: () => Promise<unknown>, problems: FieldErrors = NO_ERRORS) => {
    setErrors(problems);
    if (Object.values(problems).some(Boolean)) return false;
    setBusy(true);
    try {
      await work();
      return true;
    } catch (error) {
      setErrors({ [error instanceof ApiError ? fieldOf(error) : ""]: textOf(error) });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, errors, send, clear: () => setErrors(NO_ERRORS) };
}

/** Return the error of a required text that is missing. */
export const missing = (text: string): string | undefined => (text.trim() ? undefined : t("ui.required"));

export function Problem({ text }: { text: string | undefined }) {
  if (!text) return null;
  return (
    <p className={css.problem} role="alert">
      {withCode(text)}
    </p>
  );
}

interface FormDialogProps {
  title: string;
  submitLabel: string;
  submission: Submission;
  submit: () => Promise<unknown>;
  close: () => void;
  look?: "main" | "danger";
  wide?: boolean;
  /** False while what the form needs is still being fetched: it cannot be submitted. */
  ready?: boolean;
  children: ReactNode;
}

/** Dialog with a form. Errors that belong to no field are shown above its buttons; errors are scrolled into view. Escape does not discard changes unasked. */
export function FormDialog({ look = "main", ready = true, ...props }: FormDialogProps) {
  const { title, submitLabel, submission, submit, close, wide, children } = props;
  const send = (event: FormEvent) => {
    event.preventDefault();
    // Portals pass the event on to a form that contains the dialog.
    event.stopPropagation();
    if (ready) void submit();
  };
  const [isChanged, setChanged] = useState(false);
  const [asking, setAsking] = useState(false);
  const { busy, errors } = submission;
  // biome-ignore lint/correctness/useExhaustiveDependencies: errors that are removed do not mean that it was saved
  useEffect(() => {
    // What was saved is not lost; errors mean that it was not.
    if (!busy && !Object.values(errors).some(Boolean)) setChanged(false);
  }, [busy]);
  const form = useScrolledIntoView<HTMLFormElement>(errors, "[role=alert]");
  const change = () => setChanged(true);
  return (
    <Dialog title={title} wide={wide ?? false} close={() => (isChanged ? setAsking(true) : close())}>
      <form ref={form} className={css.dialog} onSubmit={send} onInput={change} onChange={change} noValidate>
        {children}
        <Problem text={submission.errors[""]} />
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look={look} type="submit" disabled={submission.busy || !ready}>
            {submitLabel}
          </Button>
        </div>
      </form>
      {asking && (
        <Confirm
          title={t("ui.discardChanges")}
          confirmLabel={t("ui.discard")}
          close={() => setAsking(false)}
          onConfirm={close}
        >
          <p>{t("ui.discardChangesHint")}</p>
        </Confirm>
      )}
    </Dialog>
  );
}

interface ShownOnceProps {
  title: string;
  label: string;
  text: string;
  hint: string;
  /** Error of a request that followed the one which returned the text. */
  problem?: string | undefined;
  close: () => void;
  children?: ReactNode;
}

/** Dialog with a text that cannot be shown again. */
export function ShownOnce({ title, label, text, hint, problem, close, children }: ShownOnceProps) {
  return (
    <Dialog title={title} close={close}>
      <p>{hint}</p>
      <CopyableCommand label={label} text={text} />
      {children}
      <Problem text={problem} />
      <div className={dialogCss.foot}>
        <Button look="main" onClick={close}>
          {t("settings.done")}
        </Button>
      </div>
    </Dialog>
  );
}

/** Dialog with the one-time link of an account. */
export function OneTimeLink(
  props: Pick<ShownOnceProps, "title" | "problem" | "close"> & { email: string; link: string },
) {
  const { email, link, ...rest } = props;
  const hint = t("settings.linkOnce", { email });
  return <ShownOnce label={t("settings.oneTimeLink")} text={link} hint={hint} {...rest} />;
}

const UNSORTED = [{ name: "", label: "", before: () => 0 }] as const;

interface ListProps<T> {
  /** Name of the list. */
  label: string;
  query: UseQueryResult<T[]>;
  keyOf: (item: T) => string;
  /** Searched text of an item. */
  textOf: (item: T) => string;
  /** Title of the empty list, and text that names the next step. */
  empty: readonly [string, string];
  /** Buttons beside the search field. */
  tools?: ReactNode;
  row: (item: T) => ReactNode;
}

/** List with a search field whose text is part of the address. The arrow keys move between its rows. */
export function SearchedList<T>({ label, query, keyOf, textOf, empty, tools, row }: ListProps<T>) {
  const found = useListTools(query.data, textOf, UNSORTED);
  const search = t("settings.searchIn", { list: label });
  return (
    <>
      <div className={css.head}>
        <Input
          className={css.search}
          type="search"
          aria-label={search}
          placeholder={t("ui.search")}
          value={found.query}
          onChange={(event) => found.set("q", event.target.value)}
        />
        {tools}
      </div>
      <Loaded query={query} />
      {query.data?.length === 0 && (
        <Empty title={empty[0]}>
          <p>{empty[1]}</p>
        </Empty>
      )}
      {query.data && query.data.length > 0 && found.items.length === 0 && (
        <Empty title={t("ui.noMatches")}>
          <p>{t("settings.noMatch", { query: found.query })}</p>
        </Empty>
      )}
      <Rows label={label} items={found.items} keyOf={keyOf} row={row} />
    </>
  );
}

/** The rows of a list; nothing if it is empty. */
export function Rows<T>(props: {
  label: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  row: (item: T) => ReactNode;
}) {
  const { label, items, keyOf, row } = props;
  if (items.length === 0) return null;
  return (
    <ul className={css.list} aria-label={label} onKeyDown={moveFocusByRow}>
      {items.map((item) => (
        <li key={keyOf(item)} className={css.row}>
          {row(item)}
        </li>
      ))}
    </ul>
  );
}

/** Placeholder of a request in progress, or its error. */
export function Loaded({ query }: { query: UseQueryResult<unknown> }) {
  if (query.isPending) return <Skeleton />;
  return query.error ? <Failed error={query.error} retry={() => void query.refetch()} /> : null;
}
