import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { loadTest, saveTest, type TestDocument } from "../api/workflow-tests";
import { t } from "../texts/workflow-tests";
import { Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Failed, Skeleton } from "../ui/states";
import { isTree, type Json } from "../workflow/types";
import { parseYaml, toYaml } from "../workflow/yaml";
import { FormDialog } from "./form-dialog";

interface Props {
  workspace: string;
  path: string;
  /** Null for a new test. */
  name: string | null;
  saved: (name: string) => void;
  close: () => void;
}

const NEW = { inputs: {}, nodes: {}, expect: { status: "succeeded", result: { equals: null } } };

/** Dialog with the document of a test as YAML. */
export function TestDialog(props: Props) {
  const { workspace, path, name } = props;
  const found = useQuery({
    queryKey: ["workflow-test", workspace, path, name],
    queryFn: () => loadTest(workspace, path, name ?? ""),
    enabled: name !== null,
    gcTime: 0,
  });
  if (name === null) return <Form {...props} document={NEW} />;
  if (found.data) return <Form {...props} document={found.data} />;
  return found.error ? <Failed error={found.error} retry={() => void found.refetch()} /> : <Skeleton rows={3} />;
}

function Form({ workspace, path, name, saved, close, document }: Props & { document: TestDocument }) {
  const [chosen, setChosen] = useState(name ?? "");
  const [text, setText] = useState(() => toYaml(document as Json));
  const submit = async () => {
    await saveTest(workspace, path, chosen, read(text), name !== null);
    saved(chosen);
  };
  return (
    <FormDialog
      title={name === null ? t("workflow-tests.new") : t("workflow-tests.edit", { name })}
      submitLabel={name === null ? t("workflow-tests.create") : t("ui.save")}
      submit={submit}
      close={close}
      wide
    >
      {name === null && (
        <Field label={t("workflow-tests.name")} help={t("workflow-tests.nameHint")}>
          <Input value={chosen} onChange={(event) => setChosen(event.target.value)} />
        </Field>
      )}
      <Field label={t("workflow-tests.document")} help={t("workflow-tests.documentHint")}>
        <textarea
          className={controls.input}
          rows={18}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </Field>
    </FormDialog>
  );
}

function read(text: string): TestDocument {
  const tree = parseYaml(text);
  if (!isTree(tree)) throw new Error(t("workflow-tests.notYaml"));
  return tree;
}
