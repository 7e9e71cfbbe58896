import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { errorText } from "../api/client";
import { login } from "../api/session";
import logo from "../icon.svg";
import { t } from "../texts/t";
import { Button, Field, Input } from "../ui/controls";
import css from "./login.module.css";

/** Login form. Calls `done` after a successful login. */
export function LoginForm({ done, title }: { done: () => void; title: string }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const loggingIn = useMutation({ mutationFn: () => login(email, password), onSuccess: done });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    loggingIn.mutate();
  };
  return (
    <form className={css.card} onSubmit={submit}>
      <div className={css.brand}>
        <img src={logo} alt="" width="28" height="28" />
        <h1>{title}</h1>
      </div>
      <Field label={t("shell.email")}>
        <Input type="email" autoComplete="username" required value={email} onChange={(e) => setEmail(e.target.value)} />
      </Field>
      <Field label={t("shell.password")} error={loggingIn.isError ? errorText(loggingIn.error) : undefined}>
        <Input
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(e) => setPassword(e.target.value)}
        />
      </Field>
      <Button look="main" type="submit" disabled={loggingIn.isPending}>
        {t("shell.logIn")}
      </Button>
      <p className={css.note}>{t("shell.firstVisit")}</p>
    </form>
  );
}

export function LoginPage() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [search] = useSearchParams();
  const enter = () => {
    queries.clear();
    void navigate(localPath(search.get("then")), { replace: true });
  };
  return (
    <main className={css.page}>
      <LoginForm title={t("shell.logInTitle")} done={enter} />
    </main>
  );
}

/** Return the path if it is one of this site, otherwise `/`. */
function localPath(then: string | null): string {
  return then && /^\/(?![/\\])/.test(then) ? then : "/";
}
