import { useState } from "react";
import type { RequestedChange } from "../api/environments";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/versions";
import { Button } from "../ui/controls";
import { Skeleton } from "../ui/states";
import type { Json } from "../workflow/types";
import { toYaml } from "../workflow/yaml";
import css from "./item-difference.module.css";

const TextDifference = lazyComponent(() => import("../code/text-difference"), <Skeleton rows={2} />);
const Changes = lazyComponent(async () => ({ default: (await import("./changes")).Changes }), <Skeleton rows={2} />);
const DifferenceGraph = lazyComponent(
  async () => ({ default: (await import("./graph")).DifferenceGraph }),
  <Skeleton rows={2} />,
);

/** Texts of both sides of an item in a language. */
interface Sides {
  name: string;
  before: string;
  after: string;
  language: string;
}

/** An item with its contents before and after a change. */
export type ChangedContents = Pick<RequestedChange, "kind" | "before" | "after" | "difference">;

interface Props {
  change: ChangedContents;
  /** Names of both sides. */
  titles: readonly [string, string];
}

/** Differences between the contents of an item before and after a change. */
export function ItemDifference({ change, titles }: Props) {
  const [asText, setAsText] = useState(false);
  const parts = change.kind === "flow" ? [flowSides(change)] : partsOf(change);
  const { difference } = change;
  const flow = parts[0];
  const shown = parts.filter((each) => each.before !== each.after);
  return (
    <div className={css.difference}>
      {difference && flow && (
        <>
          <Changes difference={difference} first={false} />
          <div className={css.tools}>
            <Button aria-pressed={!asText} onClick={() => setAsText(false)}>
              {t("versions.graph")}
            </Button>
            <Button aria-pressed={asText} onClick={() => setAsText(true)}>
              {t("versions.text")}
            </Button>
          </div>
          {!asText && (
            <div className={css.graph}>
              <DifferenceGraph before={flow.before} after={flow.after} difference={difference} names={titles} />
            </div>
          )}
        </>
      )}
      {(asText || !difference) && (
        <p className={css.sides}>
          <span data-side="before">{titles[0]}</span>
          <span data-side="after">{titles[1]}</span>
        </p>
      )}
      {(asText || !difference) &&
        shown.map(({ name, before, after, language }) => (
          <div key={name}>
            <p className={css.soft}>{name}</p>
            <TextDifference before={before} after={after} language={language} titles={titles} />
          </div>
        ))}
    </div>
  );
}

type Content = Readonly<Record<string, unknown>>;

function flowSides({ before, after }: ChangedContents): Sides {
  const text = (content: Content | null) => (typeof content?.text === "string" ? content.text : "");
  return { name: t("versions.itemDocument"), before: text(before), after: text(after), language: "yaml" };
}

/** Texts of an item that is not a workflow: the code of a script, and everything else as YAML. */
function partsOf({ kind, before, after }: ChangedContents): Sides[] {
  if (kind !== "script") {
    // Keys that the release does not contain stay as they are, except for tests, which are complete.
    const merged = after && kind !== "workflow_test" ? { ...before, ...after } : after;
    return [{ name: t("versions.itemSettings"), before: yamlOf(before), after: yamlOf(merged), language: "yaml" }];
  }
  const code = (content: Content | null) => (typeof content?.content === "string" ? content.content : "");
  const rest = (content: Content | null) => {
    const { content: _, ...others } = content ?? {};
    return content && others;
  };
  const language = String((after ?? before)?.language ?? "");
  return [
    { name: t("versions.itemCode"), before: code(before), after: code(after), language },
    {
      name: t("versions.itemSettings"),
      before: yamlOf(rest(before)),
      after: yamlOf(rest(after)),
      language: "yaml",
    },
  ];
}

/** A content as YAML, with its keys in alphabetical order so that their order makes no difference. */
function yamlOf(content: Content | null): string {
  if (content === null) return "";
  return toYaml(Object.fromEntries(Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1))) as Json);
}
