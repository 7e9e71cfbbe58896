import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate } from "react-router";
import { ApiError, sentence } from "../api/client";
import { placesQuery } from "../api/places";
import { saveScriptDraft, scriptDraftsQuery, scriptsQuery } from "../api/scripts";
import { freeName, pathFault } from "../home/naming";
import { lastPlace, PlaceField, rememberPlace } from "../home/place";
import inspector from "../inspector/inspector.module.css";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { dialogCss as css, Dialog } from "../ui/dialog";
import { OFFERS } from "../workflow/catalog";
import { at, text } from "../workflow/types";

const LANGUAGES = OFFERS.filter((offer) => offer.group === "Code" && offer.key !== "script");

/** Where a new script stands and what it is written in; it is kept as a draft until it is deployed. */
export function NewScript({ workspace, close }: { workspace: string; close: () => void }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const places = useQuery(placesQuery(workspace));
  const taken = useTaken(workspace);
  const [language, setLanguage] = useState("python3");
  const [typedPlace, setPlace] = useState<string | null>(null);
  const [typedName, setName] = useState<string | null>(null);
  const place = typedPlace ?? lastPlace(places.data);
  const name = typedName ?? freeName(place, "script", taken);
  const path = `${place}/${name}`;
  const wrong = pathFault(place, name, taken);
  const making = useMutation({
    mutationFn: async () => {
      const offer = LANGUAGES.find((each) => each.key === language);
      const content = text(
        at(
          offer?.make("x", (base) => base),
          ["value", "content"],
        ),
      );
      await saveScriptDraft(workspace, path, { content, language, summary: "" }, null, null);
      await queries.invalidateQueries(scriptDraftsQuery(workspace));
    },
    onSuccess: () => {
      rememberPlace(place);
      void navigate(`/w/${workspace}/scripts/${path}`);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!wrong) making.mutate();
  };
  return (
    <Dialog title="New script" close={close}>
      <form onSubmit={submit} className={inspector.inner}>
        <Field label="Language">
          <select className={controls.input} value={language} onChange={(event) => setLanguage(event.target.value)}>
            {LANGUAGES.map((each) => (
              <option key={each.key} value={each.key}>
                {each.name}
              </option>
            ))}
          </select>
        </Field>
        <PlaceField places={places.data} place={place} set={setPlace} />
        <Field label="Id" help={path} fault={wrong ?? (making.isError ? refusal(making.error) : undefined)}>
          <Input value={name} spellCheck={false} onChange={(event) => setName(event.target.value)} />
        </Field>
        <div className={css.foot}>
          <Button onClick={close}>Back</Button>
          <Button look="main" type="submit" disabled={making.isPending || !places.data}>
            Make the script
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Paths at which a script stands, deployed or as a draft. */
function useTaken(workspace: string): ReadonlySet<string> {
  const scripts = useQuery(scriptsQuery(workspace));
  const drafts = useQuery(scriptDraftsQuery(workspace));
  return new Set([...(scripts.data ?? []), ...(drafts.data ?? [])].map((each) => each.path));
}

function refusal(error: unknown): string {
  const known = error instanceof ApiError && error.code === "draft_conflict";
  return known ? "You have a draft there already: choose another id." : sentence(error);
}
