import logo from "../icon.svg";
import { Link } from "../routing/link";
import { t } from "../texts/t";
import css from "./rail.module.css";

const PRODUCT = "Orvanta";

/** Logo and name of the product, a link to the home page. */
export function Brand({ workspace, collapsed }: { workspace: string | undefined; collapsed: boolean }) {
  return (
    <Link to={workspace ? `/w/${workspace}` : "/"} className={css.brand} aria-label={t("shell.home")}>
      <img src={logo} alt="" width="24" height="24" />
      {!collapsed && PRODUCT}
    </Link>
  );
}
