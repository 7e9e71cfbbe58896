import { type ComponentType, createContext } from "react";

export interface NewValueProps {
  workspace: string;
  kind: "resource" | "variable";
  /** Type of the resource; "" lets the user choose. */
  type: string;
  /** Folder that is selected first. */
  folder: string;
  /** Receives the path of the new item. */
  created: (path: string) => void;
  close: () => void;
}

/** Dialog of the page that creates a variable or resource in place; null if it has none. */
export const NewValueContext = createContext<ComponentType<NewValueProps> | null>(null);
