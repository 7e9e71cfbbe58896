import {
  type ButtonHTMLAttributes,
  type InputHTMLAttributes,
  type ReactNode,
  type Ref,
  useLayoutEffect,
  useRef,
} from "react";
import { Link, type LinkProps } from "../routing/link";
import css from "./controls.module.css";
import { Icon } from "./icon";
import { withCode } from "./with-code";

type ButtonStyle = "plain" | "main" | "quiet" | "danger";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: ButtonStyle;
  icon?: string | undefined;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ look = "plain", icon, children, className, ...rest }: ButtonProps) {
  return (
    <button type="button" className={`${css.button} ${className ?? ""}`} data-look={look} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A button that is an icon alone; `label` is its name and its tooltip. */
export function IconButton({ label, icon, look = "quiet", ...rest }: ButtonProps & { label: string; icon: string }) {
  return <Button look={look} icon={icon} aria-label={label} title={label} data-square="" {...rest} />;
}

export function LinkButton({
  look = "plain",
  icon,
  children,
  ...rest
}: LinkProps & { look?: ButtonStyle; icon?: string }) {
  return (
    <Link className={css.button} data-look={look} {...rest}>
      {icon && <Icon name={icon} />}
      {children}
    </Link>
  );
}

interface FieldProps {
  label: string;
  help?: string | undefined;
  error?: string | undefined;
  children: ReactNode;
}

/** Label above a control, with a help text and an error below it. */
export function Field({ label, help, error, children }: FieldProps) {
  return (
    <div className={css.field}>
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the control is the child */}
      <label className={css.field}>
        <span className={css.label}>{label}</span>
        {children}
      </label>
      {help && <span className={css.help}>{help}</span>}
      {error && (
        <span className={css.error} role="alert">
          {withCode(error)}
        </span>
      )}
    </div>
  );
}

interface InputProps extends InputHTMLAttributes<HTMLInputElement> {
  ref?: Ref<HTMLInputElement>;
}

/** `autoFocus` focuses the field whenever it appears. The HTML attribute, which Preact relies on, works once in a page. */
export function Input({ className, autoFocus = false, ...rest }: InputProps) {
  const own = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (autoFocus) own.current?.focus();
  }, [autoFocus]);
  return <input ref={own} className={`${css.input} ${className ?? ""}`} {...rest} />;
}

/** Field of a secret of several lines, such as a private key, which is not readable while it is typed. */
export function SecretText({ text, set }: { text: string; set: (text: string) => void }) {
  return (
    <textarea
      className={css.input}
      data-secret=""
      rows={4}
      autoComplete="off"
      spellCheck={false}
      value={text}
      onChange={(event) => set(event.target.value)}
    />
  );
}
