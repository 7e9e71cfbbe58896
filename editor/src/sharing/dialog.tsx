import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Access, accessQuery, grant, type Shared, withdraw } from "../api/access";
import { folderListQuery } from "../api/folders";
import { peopleQuery } from "../api/options";
import { errorText } from "../lib/api-error";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/sharing";
import { Button, Field, IconButton } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Select } from "../ui/select";
import { Failed, Skeleton } from "../ui/states";
import { withCode } from "../ui/with-code";
import { Members } from "./members";
import css from "./sharing.module.css";

/** Dialog of the permissions of an item, and who may perform which actions and why. Changes take effect immediately. */
export default function SharingDialog({ shared, close }: { shared: Shared; close: () => void }) {
  const access = useQuery(accessQuery(shared));
  return (
    <Dialog title={t("sharing.title", { path: nameOf(shared) })} close={close}>
      <div className={css.body}>
        {access.isPending && <Skeleton />}
        {access.error && <Failed error={access.error} retry={() => void access.refetch()} />}
        {access.data && (
          <>
            <Permissions shared={shared} access={access.data} />
            <Members access={access.data} />
          </>
        )}
      </div>
      <div className={dialogCss.foot}>
        <Button onClick={close}>{t("ui.close")}</Button>
      </div>
    </Dialog>
  );
}

const nameOf = ({ kind, path }: Shared): string => (kind === "folder" ? `f/${path}` : path);

/** Permissions of the item, with the fields that change them for those who may. */
function Permissions({ shared, access }: { shared: Shared; access: Access }) {
  const { workspace, kind, path } = shared;
  const queries = useQueryClient();
  const people = useQuery(peopleQuery(workspace)).data;
  const owners = useOwners(shared);
  const changing = useMutation({
    mutationFn: ({ principal, write }: { principal: string; write: boolean | null }) =>
      write === null ? withdraw(shared, principal) : grant(shared, principal, write),
    onSettled: async () => {
      await queries.invalidateQueries(accessQuery(shared));
      if (kind === "folder") await queries.invalidateQueries({ queryKey: ["places", workspace] });
    },
  });
  const set = (principal: string, write: boolean | null) => changing.mutate({ principal, write });
  const entries = Object.entries(access.permissions).sort();
  const options = [...(people?.groups ?? []), ...(people?.members ?? [])].filter(
    ({ value }) => !(value in access.permissions),
  );
  return (
    <section className={css.section} aria-labelledby="sharing-permissions">
      <h3 id="sharing-permissions">{t("sharing.permissions")}</h3>
      <p className={dialogCss.description}>
        {kind === "folder" ? t("sharing.folderHint") : <ItemHint workspace={workspace} path={path} />}
      </p>
      {access.editable && (
        <Field label={t("sharing.shareWith")}>
          <Select value="" disabled={changing.isPending} set={(principal) => set(principal, false)}>
            <option value="">{t("sharing.choose")}</option>
            {options.map(({ value, description }) => (
              <option key={value} value={value}>
                {description ? `${value} (${description})` : value}
              </option>
            ))}
          </Select>
        </Field>
      )}
      {changing.error && (
        <p className={css.problem} role="alert">
          {withCode(errorText(changing.error))}
        </p>
      )}
      {entries.length === 0 && <p className={dialogCss.description}>{t("sharing.noPermissions")}</p>}
      <ul className={css.list} aria-label={t("sharing.permissions")}>
        {entries.map(([principal, write]) => (
          <li key={principal} className={css.permission}>
            <span className={css.name}>{principal}</span>
            {access.editable && !owners.includes(principal) ? (
              <Level
                principal={principal}
                write={write}
                busy={changing.isPending}
                set={(next) => set(principal, next)}
              />
            ) : (
              <span className={css.level}>{levelOf(owners.includes(principal), write)}</span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Return the owners of a folder; none of an item, whose folder has them. */
function useOwners({ workspace, kind, path }: Shared): readonly string[] {
  const folders = useQuery({ ...folderListQuery(workspace), enabled: kind === "folder" });
  return (kind === "folder" && folders.data?.find((each) => each.name === path)?.owners) || [];
}

function levelOf(owner: boolean, write: boolean): string {
  if (owner) return t("sharing.owner");
  return write ? t("sharing.write") : t("sharing.read");
}

interface LevelProps {
  principal: string;
  write: boolean;
  busy: boolean;
  /** Receives the new permission; null: none. */
  set: (write: boolean | null) => void;
}

function Level({ principal, write, busy, set }: LevelProps) {
  return (
    <span className={css.level}>
      <Select
        aria-label={t("sharing.levelOf", { name: principal })}
        disabled={busy}
        value={write ? "write" : "read"}
        set={(next) => set(next === "write")}
      >
        <option value="read">{t("sharing.read")}</option>
        <option value="write">{t("sharing.write")}</option>
      </Select>
      <IconButton
        icon="cross"
        label={t("sharing.removeOf", { name: principal })}
        disabled={busy}
        onClick={() => set(null)}
      />
    </span>
  );
}

/** Names the folder or user whose rights apply to the item as well. */
function ItemHint({ workspace, path }: { workspace: string; path: string }) {
  const [area, name = ""] = path.split("/");
  if (area !== "f") return t("sharing.userHint", { name });
  const folder = <Link to={`/w/${workspace}/settings/folders?q=${encodeURIComponent(name)}`}>f/{name}</Link>;
  return tWith("sharing.itemHint", { folder });
}
