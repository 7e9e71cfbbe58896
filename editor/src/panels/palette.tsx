import { useState } from "react";
import { spotAfter } from "../actions/node-actions";
import { attempt } from "../actions/registry";
import { TRIGGER_GROUP, TRIGGER_OFFERS } from "../actions/trigger-offers";
import { DRAG_TYPE } from "../canvas/drop";
import { useEditorStore } from "../editor/context";
import { apply, openTrigger } from "../editor/store";
import { useCatalog } from "../integrations/use-catalog";
import { t } from "../texts/panels";
import { Input } from "../ui/controls";
import { Icon } from "../ui/icon";
import { matchScore } from "../ui/match-score";
import css from "../ui/panel.module.css";
import { searchedTexts } from "../workflow/catalog";
import { addNode } from "../workflow/commands";
import own from "./palette.module.css";

/** All kinds of nodes, to drag onto the canvas; a click adds one after the selection. */
export function PalettePanel() {
  const store = useEditorStore();
  const [word, setWord] = useState("");
  const catalog = useCatalog();
  const found = catalog.filter((offer) => matchScore(offer.name, word, searchedTexts(offer)) > 0);
  const triggers = TRIGGER_OFFERS.filter(
    ({ name, description, words }) => matchScore(name, word, [description, words]) > 0,
  );
  const groups = [...new Set(found.map((offer) => offer.group))];
  return (
    <div className={css.pane}>
      <h2>{t("panels.nodeLibrary")}</h2>
      <Input
        type="search"
        aria-label={t("panels.searchNodes")}
        placeholder={t("panels.searchNodesHint")}
        value={word}
        onChange={(event) => setWord(event.target.value)}
      />
      <p className={css.help}>{t("panels.nodeLibraryHelp")}</p>
      {groups.map((group) => (
        <section key={group} className={own.group}>
          <h3>{group}</h3>
          {found
            .filter((offer) => offer.group === group)
            .map((offer) => (
              <button
                key={offer.key}
                type="button"
                className={own.offer}
                draggable
                title={offer.description}
                data-offer={offer.key}
                onDragStart={(event) => {
                  event.dataTransfer.setData(DRAG_TYPE, offer.key);
                  event.dataTransfer.effectAllowed = "copy";
                }}
                onClick={() =>
                  attempt(() => apply(store, (model) => addNode(model, spotAfter(store.getState()), offer)))
                }
              >
                <Icon name={offer.icon} size={18} />
                <span>{offer.name}</span>
              </button>
            ))}
        </section>
      ))}
      {triggers.length > 0 && (
        <section className={own.group}>
          <h3>{TRIGGER_GROUP}</h3>
          {triggers.map(({ kind, name, description, icon }) => (
            <button
              key={kind}
              type="button"
              className={own.offer}
              title={description}
              onClick={() => openTrigger(store, kind)}
            >
              <Icon name={icon} size={18} />
              <span>{name}</span>
            </button>
          ))}
        </section>
      )}
      {found.length + triggers.length === 0 && <p className={css.help}>{t("panels.noMatchingNodes")}</p>}
    </div>
  );
}
