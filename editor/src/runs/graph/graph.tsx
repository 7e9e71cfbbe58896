import { useEffect } from "react";
import { handleKey } from "../../actions/keymap";
import { Canvas } from "../../canvas/canvas";
import { useEditorStore } from "../../editor/context";
import { useRun } from "../context";
import css from "../page.module.css";
import { NodePane } from "./node-pane";

/** Graph of the run with the status of its nodes, and the pane of the selected node. */
export function RunGraph() {
  const store = useEditorStore();
  const { selection, select } = useRun();
  useEffect(() => {
    const listen = (event: KeyboardEvent) => handleKey(store, event, "run");
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [store]);
  return (
    <div className={css.graph}>
      <Canvas />
      {selection.node && <NodePane key={selection.node} id={selection.node} close={() => select({ node: null })} />}
    </div>
  );
}
