import { lazy, Suspense, useState } from "react";
import { attempt } from "../actions/registry";
import { Button } from "../ui/controls";
import { Dialog, dialogCss } from "../ui/dialog";
import { Icon } from "../ui/icon";
import { Empty, Skeleton } from "../ui/states";
import type { Choice, Part } from "../workflow/merge";
import { toYaml } from "../workflow/yaml";
import css from "./merge-dialog.module.css";

const TextDifference = lazy(() => import("../code/text-difference"));

interface Props {
  /** Whose the other side is: "the other page", "version 4". */
  them: string;
  parts: readonly Part[];
  done: (choices: ReadonlyMap<string, Choice>) => void;
  close: () => void;
}

/** Node by node: mine or theirs. What only one side changed is chosen already; what both did begins as mine. */
export default function MergeDialog({ them, parts, done, close }: Props) {
  const [choices, setChoices] = useState<ReadonlyMap<string, Choice>>(
    () => new Map(parts.map((part) => [part.key, part.state === "theirs" ? "theirs" : "mine"])),
  );
  const choose = (key: string, choice: Choice) => setChoices((before) => new Map(before).set(key, choice));
  const all = (choice: Choice) => setChoices(new Map(parts.map((part) => [part.key, choice])));
  const both = parts.filter((part) => part.state === "both").length;
  return (
    <Dialog title={`Merge with ${them}`} wide close={close}>
      <p className={dialogCss.description}>
        {both === 0
          ? "No node was changed on both sides: what is chosen keeps every change."
          : `${both === 1 ? "One part was" : `${both} parts were`} changed on both sides: look at those.`}
      </p>
      {parts.length === 0 && (
        <Empty title="Nothing differs">
          <p>Both sides say the same.</p>
        </Empty>
      )}
      <ul className={css.parts} aria-label="What differs">
        {parts.map((part) => (
          <PartRow
            key={part.key}
            part={part}
            them={them}
            choice={choices.get(part.key) ?? "mine"}
            choose={(choice) => choose(part.key, choice)}
          />
        ))}
      </ul>
      <div className={css.foot}>
        <Button onClick={() => all("mine")}>All of mine</Button>
        <Button onClick={() => all("theirs")}>All of theirs</Button>
        <span className={css.gap} />
        <Button onClick={close}>Back</Button>
        <Button look="main" onClick={() => attempt(() => done(choices))}>
          Merge
        </Button>
      </div>
    </Dialog>
  );
}

const STATES = {
  mine: { word: "changed by you", icon: "person" },
  theirs: { word: "changed by them", icon: "globe" },
  both: { word: "both changed", icon: "warn" },
};

function PartRow(props: { part: Part; them: string; choice: Choice; choose: (choice: Choice) => void }) {
  const { part, them, choice, choose } = props;
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
            {each === "mine" ? "Mine" : "Theirs"}
            {part[each] === undefined && <span className={dialogCss.description}>(not there)</span>}
          </label>
        ))}
        <Button look="quiet" icon="down" aria-expanded={open} onClick={() => setOpen(!open)}>
          Difference
        </Button>
      </fieldset>
      {open && (
        <Suspense fallback={<Skeleton rows={2} />}>
          <p className={dialogCss.description}>From mine (red) to that of {them} (green)</p>
          <TextDifference before={yamlOf(part.mine)} after={yamlOf(part.theirs)} unified />
        </Suspense>
      )}
    </li>
  );
}

const yamlOf = (value: Part["mine"]): string => (value === undefined ? "" : toYaml(value));
