import { apply } from "../editing/store";
import * as commands from "../workflow/commands";
import { type Action, always, toggle } from "./action";

/** What is seen, and how. */
export const VIEW: readonly Action[] = [
  {
    name: "tidy",
    icon: "tidy",
    label: "Tidy up",
    keys: ["Shift-Alt-t"],
    enabled: always,
    run: (store) => apply(store, commands.tidy),
  },
  { name: "yaml", icon: "yaml", label: "YAML", keys: ["y"], enabled: always, run: (store) => toggle(store, "yaml") },
  {
    name: "outline",
    icon: "list",
    label: "Outline",
    keys: ["t"],
    enabled: always,
    run: (store) => toggle(store, "outline"),
  },
  {
    name: "problems",
    icon: "warn",
    label: "Problems",
    keys: ["m"],
    enabled: always,
    run: (store) => toggle(store, "problems"),
  },
];
