import { formatChord } from "../actions/keymap";
import { BASE } from "../api/client";
import { t } from "../texts/t";
import { Button } from "../ui/controls";
import { dialogCss as css, Dialog } from "../ui/dialog";

const SHORTCUTS: readonly [string, readonly string[]][] = [
  [t("shell.palette"), ["Mod-k"]],
  [t("shell.shortcuts"), ["?"]],
  [t("shell.moveInList"), ["ArrowUp", "ArrowDown"]],
  [t("shell.closeDialog"), ["Escape"]],
];

/** Dialog with the keyboard shortcuts of every page, and a link to those of the editor. */
export default function Shortcuts({ close }: { close: () => void }) {
  return (
    <Dialog title={t("shell.shortcuts")} close={close}>
      <dl className={css.keys}>
        {SHORTCUTS.map(([name, keys]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key} className={css.key} style={{ marginLeft: "0.25rem" }}>
                  {formatChord(key)}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
      <a href={`${BASE}/docs/reference/keys.html`} target="_blank" rel="noreferrer">
        {t("shell.editorShortcuts")}
      </a>
      <div className={css.foot}>
        <Button onClick={close}>{t("ui.close")}</Button>
      </div>
    </Dialog>
  );
}
