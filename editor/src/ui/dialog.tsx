import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import css from "./dialog.module.css";

interface Props {
  title: string;
  /** Hide the title from all but screen readers. */
  hideTitle?: boolean;
  wide?: boolean;
  /** Fill the window. */
  full?: boolean;
  close: () => void;
  children: ReactNode;
}

export function Dialog({ title, hideTitle = false, wide = false, full = false, close, children }: Props) {
  return (
    <Radix.Root open onOpenChange={(open) => !open && close()}>
      <Radix.Portal>
        <Radix.Overlay className={css.over} />
        <Radix.Content
          className={css.box}
          data-wide={wide || undefined}
          data-full={full || undefined}
          aria-describedby={undefined}
          onEscapeKeyDown={closeCompletionsFirst}
        >
          <Radix.Title hidden={hideTitle}>{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Escape in a code editor closes its completions or its search; the dialog stays open. */
function closeCompletionsFirst(event: Event): void {
  const editor = event.target instanceof Element ? event.target.closest(".cm-editor") : null;
  if (editor?.querySelector(".cm-tooltip-autocomplete, .cm-search")) event.preventDefault();
}

export const dialogCss = css;
