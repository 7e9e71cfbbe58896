import { useQuery } from "@tanstack/react-query";
import { useContext, useState } from "react";
import { resourcesQuery, variablesQuery } from "../api/options";
import { useEditor } from "../editor/context";
import { NewValueContext, type NewValueProps } from "../editor/new-value-context";
import { folderOf } from "../forms/path-name";
import { parseJson } from "../lib/exact-number";
import { t } from "../texts/inspector";
import { ChooseDialog } from "../ui/choose-dialog";
import { Button, IconButton, Input } from "../ui/controls";
import css from "../ui/panel.module.css";
import { Select } from "../ui/select";
import { isEqual } from "../workflow/edit";
import { at, type Json } from "../workflow/types";

interface Props {
  id: string;
  label: string;
  value: Json | undefined;
  /** The JSON Schema of the value, if it is known. */
  schema?: Json | undefined;
  set: (next: Json | undefined) => void;
}

const RESOURCE = /^resource-(.+)$/;

/** A value with the control for its schema: a list of choices, a resource, a text, otherwise JSON. */
export function ValueField(props: Props) {
  const { id, value, schema, set } = props;
  const type = at(schema, ["type"]);
  const choices = at(schema, ["enum"]);
  const format = at(schema, ["format"]);
  const resource = typeof format === "string" ? RESOURCE.exec(format)?.[1] : undefined;
  if (resource) return <ResourceField {...props} type={resource} />;
  if (type === "boolean" || Array.isArray(choices)) {
    const options: Json[] = Array.isArray(choices) ? choices : [true, false];
    const chosen = options.findIndex((each) => isEqual(each, value ?? null));
    const preset = at(schema, ["default"]);
    return (
      <Select
        id={id}
        value={chosen < 0 ? "" : chosen}
        set={(next) => set(next === "" ? undefined : options[Number(next)])}
      >
        <option value="">
          {preset === undefined ? "—" : t("inspector.defaultChoice", { value: formatChoice(preset) })}
        </option>
        {options.map((each, n) => (
          <option key={JSON.stringify(each)} value={n}>
            {formatChoice(each)}
          </option>
        ))}
      </Select>
    );
  }
  return <TextValue {...props} text={type === "string"} />;
}

const formatChoice = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A value as text. Unless the schema requires a text, JSON is parsed, and anything else is a text. */
function TextValue({ id, label, value, schema, text, set }: Props & { text: boolean }) {
  const [typed, setTyped] = useState<string | null>(null);
  const [choosing, setChoosing] = useState(false);
  const shown = typed ?? (text && typeof value === "string" ? value : formatValue(value));
  const read = (next: string) => (text ? next || undefined : parseValue(next));
  return (
    <div className={css.row}>
      <Input
        id={id}
        value={shown}
        placeholder={formatValue(at(schema, ["default"]))}
        onBlur={() => setTyped(null)}
        onChange={(event) => {
          setTyped(event.target.value);
          set(read(event.target.value));
        }}
      />
      <IconButton
        label={t("inspector.selectReferenceFor", { field: label })}
        icon="key"
        onClick={() => setChoosing(true)}
      />
      {choosing && <ReferenceDialog type="" choose={set} close={() => setChoosing(false)} />}
    </div>
  );
}

/** The path of a resource. */
export function ResourceField({ id, label, value, type, set }: Props & { type: string }) {
  const [choosing, setChoosing] = useState(false);
  const isEmpty = value === undefined || value === "";
  const shown = isEmpty ? selectResource(type) : typeof value === "string" ? value : JSON.stringify(value);
  return (
    <div className={css.row}>
      <Button
        id={id}
        className={css.wide}
        icon="key"
        aria-label={`${label}: ${shown}`}
        onClick={() => setChoosing(true)}
      >
        {shown}
      </Button>
      {value !== undefined && (
        <IconButton label={t("inspector.clear", { field: label })} icon="cross" onClick={() => set(undefined)} />
      )}
      {choosing && <ReferenceDialog type={type} choose={set} close={() => setChoosing(false)} />}
    </div>
  );
}

const selectResource = (type: string) =>
  type ? t("inspector.selectTypedResource", { type }) : t("inspector.selectResource");

interface ReferenceDialogProps {
  type: string;
  choose: (value: string) => void;
  close: () => void;
}

/** Dialog to select a variable or resource, or to create one. */
function ReferenceDialog({ type, choose, close }: ReferenceDialogProps) {
  const workspace = useEditor((editor) => editor.workspace);
  const folder = useEditor((editor) => folderOf(editor.flow.path));
  const NewValueDialog = useContext(NewValueContext);
  const [creating, setCreating] = useState<NewValueProps["kind"] | null>(null);
  const resources = useQuery(resourcesQuery(workspace, type));
  const variables = useQuery({ ...variablesQuery(workspace), enabled: !type });
  if (NewValueDialog && creating) {
    const created = (path: string) => choose(`${creating === "resource" ? "$res" : "$var"}:${path}`);
    const value = { workspace, kind: creating, type, folder };
    return <NewValueDialog {...value} created={created} close={close} />;
  }
  const groups = [
    { heading: t("inspector.resources"), icon: "key", items: resources.data ?? [] },
    { heading: t("inspector.variables"), icon: "code", items: variables.data ?? [] },
  ];
  const emptyText = type ? t("inspector.noTypedResources", { type }) : t("inspector.noReferences");
  return (
    <ChooseDialog
      title={type ? selectResource(type) : t("inspector.selectReference")}
      placeholder={t("inspector.searchPaths")}
      emptyText={resources.isPending ? t("ui.loading") : emptyText}
      groups={groups}
      choose={choose}
      foot={NewValueDialog && <NewValueButtons type={type} create={setCreating} />}
      close={close}
    />
  );
}

function NewValueButtons({ type, create }: { type: string; create: (kind: NewValueProps["kind"]) => void }) {
  return (
    <>
      {!type && (
        <Button icon="plus" onClick={() => create("variable")}>
          {t("inspector.newVariable")}
        </Button>
      )}
      <Button icon="plus" onClick={() => create("resource")}>
        {type ? t("inspector.newTypedResource", { type }) : t("inspector.newResource")}
      </Button>
    </>
  );
}

export function formatValue(value: Json | undefined): string {
  if (value === undefined) return "";
  return typeof value === "string" && parseValue(value) === value ? value : JSON.stringify(value);
}

export function parseValue(text: string): Json | undefined {
  if (text === "") return undefined;
  try {
    return parseJson(text) as Json;
  } catch {
    return text;
  }
}
