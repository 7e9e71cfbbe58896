import texts from "../texts/en/integrations.json";
import { t } from "../texts/integrations";

type NameOf<Key> = Key extends `field_${infer Name}` ? Name : never;

/** Return the label of an input of an integration; its name if it has none, for example one that was added. */
export function integrationField(name: string): string {
  if (!(`field_${name}` in texts)) return name;
  return t(`integrations.field_${name as NameOf<keyof typeof texts>}`);
}
