import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { createRelease, type ReleasedItem, releasableItemsQuery } from "../api/environments";
import { kindName } from "../kinds/kind-name";
import { errorText } from "../lib/api-error";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/environments";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Dialog, dialogCss } from "../ui/dialog";
import { Failed, Skeleton } from "../ui/states";
import css from "./environments.module.css";

const keyOf = ({ kind, path }: ReleasedItem): string => `${kind} ${path}`;

/** Dialog that creates a release of chosen items. */
export function NewRelease({ workspace, close }: { workspace: string; close: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const items = useQuery(releasableItemsQuery(workspace));
  const [chosen, setChosen] = useState<readonly ReleasedItem[]>([]);
  const [query, setQuery] = useState("");
  const [notes, setNotes] = useState("");
  const [missing, setMissing] = useState(false);
  const creating = useMutation({
    mutationFn: () => createRelease(workspace, [...chosen], notes),
    onSuccess: async ({ number }) => {
      await queries.invalidateQueries({ queryKey: ["releases", workspace] });
      await navigate(`/w/${workspace}/environments/releases/${number}`);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMissing(chosen.length === 0);
    if (chosen.length > 0) creating.mutate();
  };
  const toggle = (item: ReleasedItem) =>
    setChosen((present) =>
      present.some((each) => keyOf(each) === keyOf(item))
        ? present.filter((each) => keyOf(each) !== keyOf(item))
        : [...present, item],
    );
  const shown = items.data?.filter((each) => keyOf(each).includes(query.trim())) ?? [];
  const problem = creating.isError ? errorText(creating.error) : missing && t("environments.chooseOne");
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
        <ul className={css.choices} aria-label={t("environments.items")}>
          {shown.map((item) => (
            <li key={keyOf(item)}>
              <label>
                <input
                  type="checkbox"
                  checked={chosen.some((each) => keyOf(each) === keyOf(item))}
                  onChange={() => toggle(item)}
                />
                <span>
                  {kindName(item.kind)} {item.path}
                </span>
              </label>
            </li>
          ))}
        </ul>
        <Field label={t("environments.notes")}>
          <textarea
            className={controls.input}
            rows={3}
            value={notes}
            onChange={(event) => setNotes(event.target.value)}
          />
        </Field>
        {problem && <p role="alert">{problem}</p>}
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
