import type { NewValueProps } from "../editor/new-value-context";
import { NewResourceDialog } from "./resource-dialog";
import { VariableDialog } from "./variable-dialog";

/** Dialog that creates a variable or resource for a field of a node, without leaving its page. */
export default function NewValueDialog({ workspace, kind, type, folder, created, close }: NewValueProps) {
  return kind === "resource" ? (
    <NewResourceDialog workspace={workspace} onlyType={type} folder={folder} done={created} close={close} />
  ) : (
    <VariableDialog workspace={workspace} variable={null} secret folder={folder} done={created} close={close} />
  );
}
