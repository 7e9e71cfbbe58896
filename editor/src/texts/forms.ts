import forms from "./en/forms.json";
import { addPage } from "./t";

addPage("forms", forms);

export { t, tWith } from "./t";
