import { useState } from "react";
import type { Places } from "../api/places";
import { Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";

const KEY = "orvanta.place";
const OTHER = "";

/** Where the last thing was put, else the first folder, else what is the person's own. */
export function lastPlace(places: Places | undefined): string {
  const last = localStorage.getItem(KEY);
  if (last && places?.all.includes(last)) return last;
  return places?.all[0] ?? "";
}

export function rememberPlace(place: string): void {
  localStorage.setItem(KEY, place);
}

/** A folder that is chosen; an admin may name a new one. */
export function PlaceField(props: { places: Places | undefined; place: string; set: (place: string) => void }) {
  const { places, place, set } = props;
  const [own, setOwn] = useState(false);
  const choose = (chosen: string) => {
    setOwn(chosen === OTHER);
    set(chosen === OTHER ? "f/" : chosen);
  };
  return (
    <>
      <Field label="Folder">
        <select
          className={controls.input}
          value={own ? OTHER : place}
          disabled={!places}
          onChange={(event) => choose(event.target.value)}
        >
          {places?.all.map((each) => (
            <option key={each} value={each}>
              {each.startsWith("u/") ? `${each} (yours alone)` : each}
            </option>
          ))}
          {places?.admin && <option value={OTHER}>A new folder …</option>}
        </select>
      </Field>
      {own && (
        <Field label="Name of the folder">
          <Input value={place.slice(2)} spellCheck={false} onChange={(event) => set(`f/${event.target.value}`)} />
        </Field>
      )}
    </>
  );
}
