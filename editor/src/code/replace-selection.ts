import { EditorView } from "@codemirror/view";

/**
 * Typed text replaces a selection by a transaction. Left to the browser, the text would keep the look of the selection by
 * an inline style, which the Content-Security-Policy blocks with an error in the console.
 */
export const replaceSelection = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { state, composing } = view;
    const { data, inputType } = event;
    const { empty, from, to } = state.selection.main;
    if (inputType !== "insertText" || data === null || composing || empty || state.readOnly) return false;
    event.preventDefault();
    const insert = () => state.update(state.replaceSelection(data), { userEvent: "input.type", scrollIntoView: true });
    const handled = state.facet(EditorView.inputHandler).some((handler) => handler(view, from, to, data, insert));
    if (!handled) view.dispatch(insert());
    return true;
  },
});
