import { useMemo } from "react";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/versions";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Skeleton } from "../ui/states";
import { outline } from "../workflow/outline";
import { parseSource } from "../workflow/source";
import { at } from "../workflow/types";
import { toYaml } from "../workflow/yaml";
import css from "./versions.module.css";

const TextDifference = lazyComponent(() => import("../code/text-difference"), <Skeleton rows={6} />);

/** A node of a comparison: its id on each side, null on a side that does not have it. */
export interface ComparedNode {
  before: string | null;
  after: string | null;
}

interface Props {
  node: ComparedNode;
  before: string;
  after: string;
  close: () => void;
}

/** Dialog with the text of a node on both sides. */
export function NodeDifferenceDialog({ node, before, after, close }: Props) {
  const first = useMemo(() => nodeText(before, node.before), [before, node.before]);
  const second = useMemo(() => nodeText(after, node.after), [after, node.after]);
  return (
    <Dialog title={t("versions.changesOf", { node: node.after ?? node.before ?? "" })} wide close={close}>
      <div className={css.nodeDifference}>
        <TextDifference before={first} after={second} />
      </div>
      <div className={dialogCss.foot}>
        <Button onClick={close}>{t("ui.close")}</Button>
      </div>
    </Dialog>
  );
}

/** Return the YAML of a node of a document, "" without the node. */
function nodeText(text: string, id: string | null): string {
  const tree = parseSource(text);
  const node = id === null ? undefined : outline(tree).byId.get(id);
  return node ? toYaml(at(tree, node.path) ?? null) : "";
}
