import type { SelectHTMLAttributes } from "react";
import css from "./controls.module.css";

interface Props extends Omit<SelectHTMLAttributes<HTMLSelectElement>, "onChange" | "className"> {
  /** Receives the value of the chosen option. */
  set: (value: string) => void;
}

/** A drop-down list; its children are the options. It fills a Field, and is as wide as its options elsewhere. */
export function Select({ set, ...rest }: Props) {
  return <select className={css.select} onChange={(event) => set(event.target.value)} {...rest} />;
}
