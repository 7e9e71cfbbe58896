import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { BASE } from "../api/client";
import { type InstanceSetting, processSettingsQuery, testMail, useSettingSave } from "../api/instance-settings";
import { meQuery } from "../api/session";
import { listOf } from "../lib/list-of";
import { t, tWith } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import controls from "../ui/controls.module.css";
import { Select } from "../ui/select";
import { Status } from "../ui/status";
import { notify } from "../ui/toasts";
import { useScrolledIntoView } from "../ui/use-scrolled-into-view";
import { withCode } from "../ui/with-code";
import type { Json } from "../workflow/types";
import { FormDialog, missing, Problem, useSubmission } from "./parts";
import css from "./settings.module.css";

/** Mail server of the instance. Its password is masked; a mask that is sent back leaves it unchanged. */
interface MailServer {
  host: string;
  port: number;
  sender: string;
  user: string | null;
  password: string;
  tls: string;
  networks: string[];
}

/** Ports that mail servers listen on, by encryption. */
const PORTS: Readonly<Record<string, string>> = { starttls: "587", implicit: "465", none: "25" };

/** Return the texts of the fields; a stored server may leave out what has a default. */
function typedOf(stored: Partial<MailServer> | null) {
  return {
    host: stored?.host ?? "",
    port: String(stored?.port ?? PORTS.starttls),
    tls: stored?.tls ?? "starttls",
    user: stored?.user ?? "",
    password: "",
    sender: stored?.sender ?? "",
    networks: stored?.networks?.join(", ") ?? "",
  };
}
type Typed = ReturnType<typeof typedOf>;

/** Return the mail server of the fields. An empty password leaves the stored one, if there is a user. */
function serverOf({ user, password, port, ...typed }: Typed, storedPassword: string): MailServer {
  return {
    host: typed.host.trim(),
    port: Number(port),
    sender: typed.sender.trim(),
    user: user.trim() || null,
    password: user.trim() ? password || storedPassword : "",
    tls: typed.tls,
    networks: listOf(typed.networks),
  };
}

/** Form of the mail server of the instance, with a test before it is stored. */
export function MailServerDialog({
  setting,
  title,
  close,
}: {
  setting: InstanceSetting;
  title: string;
  close: () => void;
}) {
  const { stored: base, save } = useSettingSave(setting);
  const stored = (base ?? null) as Partial<MailServer> | null;
  const [typed, setTyped] = useState(() => typedOf(stored));
  const submission = useSubmission(({ message }) =>
    message.startsWith("The server or its encryption")
      ? "password"
      : message.startsWith("The network")
        ? "networks"
        : "",
  );
  const { errors } = submission;
  const server = serverOf(typed, stored?.password ?? "");
  const problems = {
    host: missing(typed.host),
    sender: missing(typed.sender),
    port: /^\d+$/.test(typed.port.trim()) ? undefined : t("settings.notInteger"),
  };
  const submit = async () => {
    if (await submission.send(() => save(server as unknown as Json), problems)) {
      notify(t("settings.saved", { name: t("settings.labelSmtp") }));
      close();
    }
  };
  const field = (key: keyof Typed, label: string, help?: string, type = "text") => (
    <Field label={label} help={help} error={errors[key]}>
      <Input
        type={type}
        value={typed[key]}
        spellCheck={false}
        autoComplete={type === "password" ? "new-password" : "off"}
        inputMode={key === "port" ? "numeric" : "text"}
        onChange={(event) => setTyped({ ...typed, [key]: event.target.value })}
      />
    </Field>
  );
  /** Change the encryption, and the port unless it is another one than that of the former encryption. */
  const setEncryption = (tls: string) =>
    setTyped({ ...typed, tls, port: typed.port === PORTS[typed.tls] ? (PORTS[tls] ?? typed.port) : typed.port });
  return (
    <FormDialog title={title} submitLabel={t("ui.save")} submission={submission} submit={submit} close={close}>
      <p className={css.note}>{t("settings.hintSmtp")}</p>
      <AddressOfLinks />
      {field("host", t("settings.channelHost"))}
      <Field label={t("settings.encryption")}>
        <Select value={typed.tls} set={setEncryption}>
          <option value="starttls">{t("settings.encryptionStarttls")}</option>
          <option value="implicit">{t("settings.encryptionImplicit")}</option>
          <option value="none">{t("settings.encryptionNone")}</option>
        </Select>
      </Field>
      {field("port", t("settings.channelPort"))}
      {field("user", t("settings.channelUser"), t("settings.mailUserHint"))}
      {field(
        "password",
        t("settings.channelPassword"),
        stored?.password ? t("settings.passwordKept") : undefined,
        "password",
      )}
      {field("sender", t("settings.channelSender"), t("settings.mailSenderHint"))}
      {field("networks", t("settings.mailNetworks"), t("settings.networksHint"))}
      <MailTest server={server} problems={problems} />
    </FormDialog>
  );
}

/** Warning that links in mails would begin with the default address of the server, with a link to the setting. */
function AddressOfLinks() {
  const setting = useQuery(processSettingsQuery).data?.find(({ name }) => name === "ORVANTA_BASE_URL");
  if (!setting || setting.set) return null;
  const guide = (
    <a href={`${BASE}/docs/how-to/operate/install.html#configure`} target="_blank" rel="noreferrer">
      {t("settings.mailAddressGuide")}
    </a>
  );
  const variable = <code>{setting.name}</code>;
  return (
    <p className={controls.warning}>
      {tWith("settings.mailAddressUnset", { variable, guide }, { address: setting.value ?? "" })}
    </p>
  );
}

/** Field and button that send a test mail with the server of the fields, and the reply of the server. */
function MailTest({
  server,
  problems,
}: {
  server: MailServer;
  problems: Readonly<Record<string, string | undefined>>;
}) {
  const email = useQuery(meQuery).data?.email ?? "";
  const [typed, setTyped] = useState<string | null>(null);
  const [found, setFound] = useState<{ success: boolean; message: string } | null>(null);
  const submission = useSubmission();
  const [asked, setAsked] = useState(false);
  const incomplete = Object.values(problems).some(Boolean);
  const to = typed ?? email;
  const result = useScrolledIntoView<HTMLFieldSetElement>(found ?? submission.errors[""] ?? asked);
  const send = async () => {
    setFound(null);
    setAsked(true);
    if (incomplete) return;
    const test = async () => setFound(await testMail(to.trim(), server as unknown as Json));
    await submission.send(test, { to: missing(to) });
  };
  return (
    <fieldset ref={result} className={css.card}>
      <legend>{t("settings.testMail")}</legend>
      <div className={css.filters}>
        <Field label={t("settings.testMailTo")} error={submission.errors.to}>
          <Input type="email" value={to} onChange={(event) => setTyped(event.target.value)} />
        </Field>
        <Button icon="play" disabled={submission.busy} onClick={() => void send()}>
          {t("settings.sendTestMail")}
        </Button>
      </div>
      <div role="status" className={css.what}>
        {submission.busy && <p className={css.note}>{t("settings.sendingTestMail")}</p>}
        {found && (
          <>
            <Status
              status={found.success ? "succeeded" : "failed"}
              word={t(found.success ? "settings.testMailAccepted" : "settings.testMailRefused")}
            />
            <p className={css.note}>{withCode(found.message)}</p>
          </>
        )}
      </div>
      <Problem text={asked && incomplete ? t("settings.mailIncomplete") : submission.errors[""]} />
    </fieldset>
  );
}
