import { lazy, Suspense } from "react";
import css from "../ui/panel.module.css";
import type { CodeProps } from "./code";

const Code = lazy(() => import("./code"));

/** The code editor, loaded when it is first shown. */
export function LazyCode(props: CodeProps) {
  return (
    <div className={css.code}>
      <Suspense fallback={<div style={{ minHeight: `${(props.lines ?? 3) * 1.25}rem` }} />}>
        <Code {...props} />
      </Suspense>
    </div>
  );
}
