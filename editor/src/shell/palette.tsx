import { useQuery } from "@tanstack/react-query";
import { Command } from "cmdk";
import { flowsQuery } from "../api/flows";
import { scriptsQuery } from "../api/scripts";
import { toggleTheme } from "../lib/theme";
import { useNavigate } from "../routing/hooks";
import { t } from "../texts/t";
import { dialogCss as css, Dialog } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { matchScore } from "../ui/match-score";
import { PAGES } from "./pages";
import type { PageDialog } from "./use-dialog-keys";

interface Props {
  workspace: string;
  open: (dialog: PageDialog) => void;
  close: () => void;
}

/** Command palette of every page: search of pages, commands, workflows and scripts. */
export default function Palette({ workspace, open, close }: Props) {
  const navigate = useNavigate();
  const flows = useQuery(flowsQuery(workspace));
  const scripts = useQuery(scriptsQuery(workspace));
  const go = (to: string) => {
    close();
    void navigate(`/w/${workspace}${to}`);
  };
  const commands: [string, string, () => void][] = [
    [t("shell.newWorkflow"), "plus", () => go("/workflows?new=1")],
    [t("shell.searchRunData"), "search", () => go("/runs/search")],
    [t("shell.shortcuts"), "keys", () => open("shortcuts")],
    [
      t("shell.theme"),
      "moon",
      () => {
        close();
        toggleTheme();
      },
    ],
  ];
  return (
    <Dialog title={t("shell.palette")} hideTitle close={close}>
      <Command label={t("shell.palette")} loop filter={matchScore}>
        <Command.Input placeholder={t("shell.paletteSearch")} />
        <Command.List>
          <Command.Empty>{t("shell.paletteEmpty")}</Command.Empty>
          <Command.Group heading={t("shell.pages")}>
            {PAGES.map(({ name, to, icon }) => (
              <Entry key={to} id={`page ${name}`} name={name} icon={icon} choose={() => go(to)} />
            ))}
          </Command.Group>
          <Command.Group heading={t("shell.commands")}>
            {commands.map(([name, icon, run]) => (
              <Entry key={name} id={name} name={name} icon={icon} choose={run} />
            ))}
          </Command.Group>
          <Command.Group heading={t("shell.pageWorkflows")}>
            {flows.data?.map(({ path, summary }) => (
              <Entry
                key={path}
                id={`workflow ${path}`}
                name={summary || path}
                detail={path}
                icon="flow"
                choose={() => go(`/workflows/${path}`)}
              />
            ))}
          </Command.Group>
          <Command.Group heading={t("shell.pageScripts")}>
            {scripts.data?.map(({ path, summary }) => (
              <Entry
                key={path}
                id={`script ${path}`}
                name={summary || path}
                detail={path}
                icon="script"
                choose={() => go(`/scripts/${path}`)}
              />
            ))}
          </Command.Group>
        </Command.List>
      </Command>
    </Dialog>
  );
}

interface EntryProps {
  id: string;
  name: string;
  detail?: string;
  icon: string;
  choose: () => void;
}

function Entry({ id, name, detail, icon, choose }: EntryProps) {
  return (
    <Command.Item value={id} keywords={[name]} onSelect={choose}>
      <Icon name={icon} />
      <span>{name}</span>
      {detail && <span className={css.description}>{detail}</span>}
    </Command.Item>
  );
}
