import { useState } from "react";
import { attempt } from "../actions/registry";
import { lazyComponent } from "../lib/lazy-component";
import { t } from "../texts/conflicts";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { Empty, Skeleton } from "../ui/states";
import type { Choice, Part } from "../workflow/merge";
import { toYaml } from "../workflow/yaml";
import css from "./merge-dialog.module.css";

const TextDifference = lazyComponent(() => import("../code/text-difference"), <Skeleton rows={2} />);

interface Props {
  /** Name of the other side: "the other page", "version 4". */
  them: string;
  parts: readonly Part[];
  done: (choices: ReadonlyMap<string, Choice>) => void;
  close: () => void;
}

/** Dialog that merges two drafts part by part. Changes of one side are preselected; for changes of both, mine are. */
export default function MergeDialog({ them, parts, done, close }: Props) {
  const [choices, setChoices] = useState<ReadonlyMap<string, Choice>>(
    () => new Map(parts.map((part) => [part.key, part.state === "theirs" ? "theirs" : "mine"])),
  );
  const choose = (key: string, choice: Choice) => setChoices((before) => new Map(before).set(key, choice));
  const all = (choice: Choice) => setChoices(new Map(parts.map((part) => [part.key, choice])));
  const both = parts.filter((part) => part.state === "both").length;
  return (
    <Dialog title={t("conflicts.merge", { other: them })} wide close={close}>
      <p className={dialogCss.description}>
        {both === 0 ? t("conflicts.noneOnBoth") : t("conflicts.onBoth", { count: both })}
      </p>
      {parts.length === 0 && (
        <Empty title={t("conflicts.same")}>
          <p>{t("conflicts.sameHint")}</p>
        </Empty>
      )}
      <ul className={css.parts} aria-label={t("conflicts.differences")}>
        {parts.map((part) => (
          <PartRow
            key={part.key}
            part={part}
            choice={choices.get(part.key) ?? "mine"}
            choose={(choice) => choose(part.key, choice)}
          />
        ))}
      </ul>
      <div className={dialogCss.foot}>
        <Button onClick={() => all("mine")}>{t("conflicts.allMine")}</Button>
        <Button onClick={() => all("theirs")}>{t("conflicts.allTheirs")}</Button>
        <span className={css.gap} />
        <Button onClick={close}>{t("ui.cancel")}</Button>
        <Button look="main" onClick={() => attempt(() => done(choices))}>
          {t("conflicts.confirm")}
        </Button>
      </div>
    </Dialog>
  );
}

const STATES = {
  mine: { word: t("conflicts.byYou"), icon: "person" },
  theirs: { word: t("conflicts.byThem"), icon: "globe" },
  both: { word: t("conflicts.byBoth"), icon: "warn" },
};

function PartRow(props: { part: Part; choice: Choice; choose: (choice: Choice) => void }) {
  const { part, choice, choose } = props;
  const [open, setOpen] = useState(part.state === "both");
  const { word, icon } = STATES[part.state];
  return (
    <li className={css.part}>
      <fieldset className={css.choice}>
        <legend className={css.name}>
          <code>{part.name}</code>
          <span className={css.state} data-state={part.state}>
            <Icon name={icon} size={12} />
            {word}
          </span>
        </legend>
        {(["mine", "theirs"] as const).map((each) => (
          <label key={each} className={css.side}>
            <input type="radio" name={part.key} checked={choice === each} onChange={() => choose(each)} />
            {t(`conflicts.${each}`)}
            {part[each] === undefined && <span className={dialogCss.description}>{t("conflicts.absent")}</span>}
          </label>
        ))}
        <Button look="quiet" icon="down" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t("conflicts.difference")}
        </Button>
      </fieldset>
      {open && (
        <>
          <p className={dialogCss.description}>{t("conflicts.sides")}</p>
          <TextDifference before={yamlOf(part.mine)} after={yamlOf(part.theirs)} unified />
        </>
      )}
    </li>
  );
}

const yamlOf = (value: Part["mine"]): string => (value === undefined ? "" : toYaml(value));
