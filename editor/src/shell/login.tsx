import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { login, loginOptionsQuery, startLogin } from "../api/session";
import { type Enrolment, enrolAtLogin } from "../api/two-step";
import logo from "../icon.svg";
import { ApiError, errorText } from "../lib/api-error";
import { lazyComponent } from "../lib/lazy-component";
import { useNavigate, useSearchParams } from "../routing/hooks";
import { t } from "../texts/t";
import { Button, Field, Input } from "../ui/controls";
import { withCode } from "../ui/with-code";
import css from "./login.module.css";

const NewAuthenticator = lazyComponent(() => import("../ui/authenticator"));

interface LoginFormProps {
  title: string;
  /** Called after a login with a password. */
  done: () => void;
  /** Path to which a login by a provider returns. */
  then: string;
  /** Goes to the address of a provider. */
  open: (url: string) => void;
}

export function LoginForm({ title, done, then, open }: LoginFormProps) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [step, setStep] = useState<"password" | "code" | Enrolment>("password");
  const options = useQuery(loginOptionsQuery);
  const loggingIn = useMutation({
    mutationFn: () => login(email, password, code),
    onSuccess: done,
    onError: async (error) => {
      const reason = error instanceof ApiError ? error.code : "";
      if (reason === "second_factor_required" && step === "password") setStep("code");
      if (reason === "enrolment_required") setStep(await enrolAtLogin(email, password));
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    loggingIn.mutate();
  };
  // The first response that asks for a code is no error: nothing was typed yet.
  const error = loggingIn.isError && (step === "password" || code) ? errorText(loggingIn.error) : undefined;
  return (
    <form className={css.card} onSubmit={submit}>
      <div className={css.brand}>
        <img src={logo} alt="" width="28" height="28" />
        <h1>{title}</h1>
      </div>
      {step === "password" ? (
        <>
          <Field label={t("shell.email")}>
            <Input
              type="email"
              autoComplete="username"
              required
              value={email}
              onChange={(e) => setEmail(e.target.value)}
            />
          </Field>
          <Field label={t("shell.password")} error={error}>
            <Input
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(e) => setPassword(e.target.value)}
            />
          </Field>
        </>
      ) : (
        <>
          {step !== "code" && (
            <>
              <p>{t("shell.enrolmentRequired")}</p>
              <NewAuthenticator enrolment={step} />
            </>
          )}
          <Field label={t("ui.loginCode")} help={t("ui.loginCodeHint")} error={error}>
            <Input
              autoComplete="one-time-code"
              autoFocus
              required
              spellCheck={false}
              value={code}
              onChange={(e) => setCode(e.target.value)}
            />
          </Field>
        </>
      )}
      <Button look="main" type="submit" disabled={loggingIn.isPending}>
        {t("shell.logIn")}
      </Button>
      {step === "password" && (
        <>
          <ProviderButtons then={then} open={open} />
          {options.data?.first_visit && <p className={css.note}>{t("shell.firstVisit")}</p>}
        </>
      )}
    </form>
  );
}

/** Buttons of the providers of single sign-on. */
function ProviderButtons({ then, open }: Pick<LoginFormProps, "then" | "open">) {
  const options = useQuery(loginOptionsQuery);
  const starting = useMutation({
    mutationFn: (provider: string) => startLogin(provider, then),
    onSuccess: open,
  });
  return (
    <>
      {options.data?.providers.map(({ name, label }) => (
        <Button key={name} type="button" disabled={starting.isPending} onClick={() => starting.mutate(name)}>
          {t("shell.logInWith", { provider: label })}
        </Button>
      ))}
      {starting.isError && (
        <p className={css.failed} role="alert">
          {withCode(errorText(starting.error))}
        </p>
      )}
    </>
  );
}

export function LoginPage() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [search] = useSearchParams();
  const then = localPath(search.get("then"));
  const enter = () => {
    queries.clear();
    void navigate(then, { replace: true });
  };
  const color = useQuery(loginOptionsQuery).data?.branding_color;
  return (
    <main className={css.page}>
      {color && <div className={css.branding} style={{ background: color }} />}
      <LoginForm title={t("shell.logInTitle")} done={enter} then={then} open={(url) => window.location.assign(url)} />
    </main>
  );
}

/** Return the path if it is one of this site, otherwise `/`. */
function localPath(then: string | null): string {
  return then && /^\/(?![/\\])/.test(then) ? then : "/";
}
