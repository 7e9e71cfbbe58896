import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useParams } from "react-router";
import { type Flow, flowQuery } from "../api/flows";
import { Canvas } from "../canvas/canvas";
import { Failed, Skeleton } from "../ui/states";
import { outline } from "../workflow/outline";
import type { Json } from "../workflow/types";
import css from "./workflow.module.css";

export function WorkflowPage() {
  const { workspace = "", "*": path = "" } = useParams();
  const flow = useQuery(flowQuery(workspace, path));
  if (flow.isPending) return <Skeleton rows={6} />;
  if (flow.error) return <Failed error={flow.error} retry={() => void flow.refetch()} />;
  return <Opened flow={flow.data} />;
}

function Opened({ flow }: { flow: Flow }) {
  const tree = useMemo(() => ({ value: flow.value, schema: flow.schema }) as Json, [flow]);
  const graph = useMemo(() => outline(tree), [tree]);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <div className={css.title}>
          <h1>{flow.summary || flow.path}</h1>
          <div className={css.path}>{flow.path}</div>
        </div>
      </div>
      <Canvas graph={graph} tree={tree} />
    </main>
  );
}
