import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { useEditor } from "../../editing/context";
import { standsOf } from "../../editing/live";
import inspector from "../../inspector/inspector.module.css";
import { Empty, Failed, Skeleton } from "../../ui/states";
import { useRun } from "../context";

const LONGEST = 200_000;

/** What the selected node, or the whole run, printed. */
export function RunLog() {
  const { workspace, id, selection } = useRun();
  const job = useEditor((editor) => (selection.node ? standsOf(editor, selection.node)?.job : undefined)) ?? id;
  const moved = useEditor((editor) => editor.live?.graph?.rev);
  const found = useQuery({
    queryKey: ["log", workspace, job, moved],
    queryFn: async () => {
      const path = { workspace, id: job };
      const { data } = await api.GET("/api/w/{workspace}/jobs_u/get_logs/{id}", { params: { path }, parseAs: "text" });
      return data ?? "";
    },
    placeholderData: (before) => before,
  });
  if (found.isError) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (found.data === undefined) return <Skeleton />;
  if (!found.data) return <Empty title="Nothing was printed" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
    <pre className={inspector.value} tabIndex={0}>
      {found.data.slice(-LONGEST)}
    </pre>
  );
}
