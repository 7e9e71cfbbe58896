import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import {
  createRelease,
  type EnabledTrigger,
  type ReleasedItem,
  type RemovedItem,
  releasableItemsQuery,
  releaseQuery,
  releasesQuery,
} from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { errorText } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/environments";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Dialog, dialogCss } from "../ui/dialog";
import { Failed, Skeleton } from "../ui/states";
import { withCode } from "../ui/with-code";
import { EnabledTriggers } from "./enabled-triggers";
import css from "./environments.module.css";

const keyOf = ({ kind, path }: ReleasedItem): string => `${kind} ${path}`;
const nameOf = ({ kind, path }: ReleasedItem): string => `${kindName(kind)} ${path}`;

function toggled<T extends ReleasedItem>(items: readonly T[], item: T): readonly T[] {
  const rest = items.filter((each) => keyOf(each) !== keyOf(item));
  return rest.length < items.length ? rest : [...items, item];
}

/** Dialog that creates a release of chosen items. */
export function NewRelease({ workspace, close }: { workspace: string; close: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const items = useQuery(releasableItemsQuery(workspace));
  const [chosen, setChosen] = useState<readonly ReleasedItem[]>([]);
  const [enabled, setEnabled] = useState<readonly EnabledTrigger[]>([]);
  const [removed, setRemoved] = useState<readonly RemovedItem[]>([]);
  const deleted = useDeletedItems(workspace);
  const [query, setQuery] = useState("");
  const [notes, setNotes] = useState("");
  const [missing, setMissing] = useState(false);
  const isChosen = (trigger: EnabledTrigger) => chosen.some((each) => keyOf(each) === keyOf(trigger));
  const creating = useMutation({
    mutationFn: () => createRelease(workspace, [...chosen], [...removed], enabled.filter(isChosen), notes),
    onSuccess: async ({ number }) => {
      await queries.invalidateQueries({ queryKey: ["releases", workspace] });
      await navigate(`/w/${workspace}/environments/releases/${number}`);
    },
  });
  const isEmpty = chosen.length + removed.length === 0;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(isEmpty);
    if (!isEmpty) creating.mutate();
  };
  const words = query.toLowerCase().split(/\s+/);
  const shown = items.data?.filter((each) => words.every((word) => nameOf(each).toLowerCase().includes(word))) ?? [];
  const problem = creating.isError ? errorText(creating.error) : missing && isEmpty && t("environments.chooseOne");
  return (
    <Dialog title={t("environments.newRelease")} close={close}>
      <form className={css.form} onSubmit={submit}>
        <p className={dialogCss.description}>{t("environments.chooseItems")}</p>
        <Input
          type="search"
          aria-label={t("environments.searchItems")}
          placeholder={t("ui.search")}
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
        {items.isPending && <Skeleton />}
        {items.error && <Failed error={items.error} retry={() => void items.refetch()} />}
        {items.data && shown.length === 0 && (
          <p className={css.soft}>{t(items.data.length === 0 ? "environments.nothingDeployed" : "ui.noMatches")}</p>
        )}
        {shown.length > 0 && (
          <Choices
            label={t("environments.items")}
            items={shown}
            chosen={chosen}
            toggle={(item) => setChosen((present) => toggled(present, item))}
          />
        )}
        <EnabledTriggers workspace={workspace} items={chosen} enabled={enabled} set={setEnabled} />
        {deleted.length > 0 && (
          <>
            <p className={dialogCss.description}>{t("environments.chooseRemoved")}</p>
            <Choices
              label={t("environments.removedItems")}
              items={deleted}
              chosen={removed}
              toggle={(item) => setRemoved((present) => toggled(present, item))}
            />
          </>
        )}
        <Field label={t("environments.notes")}>
          <textarea
            className={controls.input}
            rows={3}
            value={notes}
            onChange={(event) => setNotes(event.target.value)}
          />
        </Field>
        {problem && <p role="alert">{withCode(problem)}</p>}
        <div className={dialogCss.foot}>
          <Button onClick={close}>{t("ui.cancel")}</Button>
          <Button look="main" type="submit" disabled={creating.isPending}>
            {t("environments.createRelease")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Return the items of the newest release that no longer exist in the workspace. */
function useDeletedItems(workspace: string): RemovedItem[] {
  const present = useQuery(releasableItemsQuery(workspace)).data;
  const newest = useInfiniteQuery(releasesQuery(workspace)).data?.pages[0]?.[0]?.number;
  const release = useQuery({ ...releaseQuery(workspace, newest ?? 0), enabled: newest !== undefined }).data;
  if (!present || !release) return [];
  const keys = new Set(present.map(keyOf));
  return release.items.flatMap(({ kind, path }) =>
    kind === "resource_type" || keys.has(keyOf({ kind, path })) ? [] : [{ kind, path }],
  );
}

interface ChoicesProps<T> {
  label: string;
  items: readonly T[];
  chosen: readonly T[];
  toggle: (item: T) => void;
}

function Choices<T extends ReleasedItem>({ label, items, chosen, toggle }: ChoicesProps<T>) {
  return (
    <ul className={css.choices} aria-label={label}>
      {items.map((item) => (
        <li key={keyOf(item)}>
          <label>
            <input
              type="checkbox"
              checked={chosen.some((each) => keyOf(each) === keyOf(item))}
              onChange={() => toggle(item)}
            />
            <span>{nameOf(item)}</span>
          </label>
        </li>
      ))}
    </ul>
  );
}
