import { useNavigate } from "../routing/hooks";
import { t } from "../texts/t";
import { Select } from "../ui/select";
import css from "./workspace-switcher.module.css";

interface Props {
  workspaces: readonly string[];
  workspace: string;
  /** Show the first letter only; the name is the tooltip. */
  collapsed?: boolean;
}

/** List of the user's workspaces, which opens the home page of the chosen one. */
export function WorkspaceSwitcher({ workspaces, workspace, collapsed = false }: Props) {
  const navigate = useNavigate();
  return (
    <div className={css.switcher} data-collapsed={collapsed || undefined} title={workspace}>
      {collapsed && <span aria-hidden="true">{workspace.charAt(0).toUpperCase()}</span>}
      <Select aria-label={t("shell.workspace")} value={workspace} set={(next) => void navigate(`/w/${next}`)}>
        {[...new Set([...workspaces, workspace])].map((id) => (
          <option key={id}>{id}</option>
        ))}
      </Select>
    </div>
  );
}
