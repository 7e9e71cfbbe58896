import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import css from "./dialog.module.css";

interface Props {
  title: string;
  /** Hide the title from all but screen readers. */
  hideTitle?: boolean;
  wide?: boolean;
  close: () => void;
  children: ReactNode;
}

export function Dialog({ title, hideTitle = false, wide = false, close, children }: Props) {
  return (
    <Radix.Root open onOpenChange={(open) => !open && close()}>
      <Radix.Portal>
        <Radix.Overlay className={css.over} />
        <Radix.Content className={css.box} data-wide={wide || undefined} aria-describedby={undefined}>
          <Radix.Title hidden={hideTitle}>{title}</Radix.Title>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

export const dialogCss = css;
