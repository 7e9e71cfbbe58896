import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { errorText } from "../api/client";
import { login } from "../api/session";
import logo from "../icon.svg";
import { Button, Field, Input } from "../ui/controls";
import css from "./login.module.css";

/** Asks for e-mail address and password. `done` is called once the session is there. */
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
      <Field label="E-mail address">
        <Input type="email" autoComplete="username" required value={email} onChange={(e) => setEmail(e.target.value)} />
      </Field>
      <Field label="Password" error={loggingIn.isError ? errorText(loggingIn.error) : undefined}>
        <Input
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(e) => setPassword(e.target.value)}
        />
      </Field>
      <Button look="main" type="submit" disabled={loggingIn.isPending}>
        Log in
      </Button>
      <p className={css.note}>
        First visit? The terminal where the server started shows a one-time link that sets the password.
      </p>
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
      <LoginForm title="Log in to Orvanta" done={enter} />
    </main>
  );
}

/** A path of this page, never another site. */
function localPath(then: string | null): string {
  return then && /^\/(?![/\\])/.test(then) ? then : "/";
}
