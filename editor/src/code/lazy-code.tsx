import { lazyComponent } from "../lib/lazy-component";
import css from "../ui/panel.module.css";
import { CodeSkeleton } from "../ui/states";
import type { CodeProps } from "./code";

const Code = lazyComponent(
  () => import("./code"),
  ({ lines = 3 }) => <CodeSkeleton lines={lines} />,
);

/** The code editor, loaded when it is first shown. */
export function LazyCode(props: CodeProps) {
  return (
    <div className={css.code}>
      <Code {...props} />
    </div>
  );
}
