import { Link } from "react-router";
import css from "./home.module.css";

const LISTS = [
  { name: "workflows", title: "Workflows", to: "" },
  { name: "scripts", title: "Scripts", to: "/scripts" },
] as const;

/** The way from one list of a workspace to the others. */
export function Lists({ workspace, here }: { workspace: string; here: (typeof LISTS)[number]["name"] }) {
  return (
    <nav className={css.lists} aria-label="Lists">
      {LISTS.map(({ name, title, to }) => (
        <Link key={name} to={`/w/${workspace}${to}`} aria-current={name === here ? "page" : undefined}>
          {title}
        </Link>
      ))}
    </nav>
  );
}
