import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  type AlertSettings,
  alertFailuresQuery,
  alertsQuery,
  type Channel,
  type DeploymentEvent,
  testChannel,
} from "../api/alerts";
import {
  type InstanceSetting,
  instanceSettingsQuery,
  setInstanceSetting,
  useSettingSave,
} from "../api/instance-settings";
import { useParams } from "../routing/hooks";
import { Link } from "../routing/link";
import { t, tWith } from "../texts/settings";
import { Button, Field, Input } from "../ui/controls";
import { Select } from "../ui/select";
import { Empty } from "../ui/states";
import { Status } from "../ui/status";
import { Time } from "../ui/time";
import { notify } from "../ui/toasts";
import { withCode } from "../ui/with-code";
import type { Json } from "../workflow/types";
import { DeleteButton } from "./delete-button";
import { FormDialog, Loaded, missing, Problem, Rows, useSubmission } from "./parts";
import css from "./settings.module.css";

const NAME = "alerts";
const MAIL_SERVER = "smtp";

const KINDS: Readonly<Record<Channel["kind"], string>> = {
  email: t("settings.channelEmail"),
  slack: t("settings.channelSlack"),
  webhook: t("settings.channelWebhook"),
};

const EVENTS: Readonly<Record<DeploymentEvent, string>> = {
  requested: t("settings.eventRequested"),
  approved: t("settings.eventApproved"),
  rejected: t("settings.eventRejected"),
  applied: t("settings.eventApplied"),
  failed: t("settings.eventFailed"),
  rolled_back: t("settings.eventRolledBack"),
  held: t("settings.eventHeld"),
};

/** Channels to which the alerts of the instance are sent, and the conditions of the alerts. */
export function AlertChannels() {
  const query = useQuery(instanceSettingsQuery);
  const [creating, setCreating] = useState(false);
  const setting = query.data?.find((each) => each.name === NAME);
  const channels = Object.entries((setting?.value as AlertSettings | undefined)?.channels ?? {});
  const hasMailServer = Boolean(query.data?.find((each) => each.name === MAIL_SERVER)?.value);
  return (
    <>
      <div className={css.head}>
        <h2>{t("settings.channels")}</h2>
        <Button icon="plus" disabled={!setting} onClick={() => setCreating(true)}>
          {t("settings.newChannel")}
        </Button>
      </div>
      <Loaded query={query} />
      {setting && (
        <>
          {channels.length === 0 && (
            <Empty title={t("settings.noChannels")}>
              <p>{t("settings.noChannelsHint")}</p>
            </Empty>
          )}
          <Rows
            label={t("settings.channels")}
            items={channels}
            keyOf={([name]) => name}
            row={([name, channel]) => (
              <ChannelRow name={name} channel={channel} setting={setting} hasMailServer={hasMailServer} />
            )}
          />
          {creating && (
            <ChannelDialog setting={setting} hasMailServer={hasMailServer} close={() => setCreating(false)} />
          )}
        </>
      )}
    </>
  );
}

interface RowProps {
  name: string;
  channel: Channel;
  /** Setting with the channels. */
  setting: InstanceSetting;
  /** The instance has a mail server. */
  hasMailServer: boolean;
}

function ChannelRow({ name, channel, setting, hasMailServer }: RowProps) {
  const [editing, setEditing] = useState(false);
  const submission = useSubmission();
  const queries = useQueryClient();
  const failure = useQuery(alertFailuresQuery).data?.find((each) => each.channel === name);
  const [found, setFound] = useState<{ success: boolean; message: string } | null>(null);
  const test = () => {
    setFound(null);
    return submission.send(async () => {
      setFound(await testChannel(name));
      // A test that succeeds ends the failure.
      await queries.invalidateQueries(alertFailuresQuery);
    });
  };
  const remove = async () => {
    const settings = setting.value as AlertSettings;
    const { [name]: _removed, ...channels } = settings.channels ?? {};
    try {
      await setInstanceSetting(NAME, { ...settings, channels } as unknown as Json, setting.version);
    } finally {
      // After a conflict, the next attempt is based on the channels that are stored now.
      await queries.invalidateQueries(instanceSettingsQuery);
      await queries.invalidateQueries(alertsQuery);
    }
  };
  return (
    <>
      <div className={css.what}>
        <span className={css.heading}>
          <span className={css.name}>{name}</span>
          <span className={css.chip}>{KINDS[channel.kind]}</span>
        </span>
        <span className={css.facts}>
          <span>{channel.kind === "email" ? channel.to?.join(", ") : t("settings.channelAddressStored")}</span>
          {(channel.deployments?.length ?? 0) > 0 && (
            <span>
              {t("settings.channelDeployments")}: {channel.deployments?.map((each) => EVENTS[each]).join(", ")}
            </span>
          )}
        </span>
        {failure && (
          <p className={css.problem}>
            {tWith("settings.channelFailed", { time: <Time at={failure.failed_at} /> }, { error: failure.error })}
          </p>
        )}
        <div role="status">
          {found && (
            <>
              <Status
                status={found.success ? "succeeded" : "failed"}
                word={t(found.success ? "settings.channelTestSent" : "settings.testMailRefused")}
              />
              <p className={css.note}>{withCode(found.message)}</p>
            </>
          )}
        </div>
      </div>
      <div className={css.tools}>
        <Button
          icon="play"
          disabled={submission.busy}
          onClick={() => void test()}
          aria-label={t("settings.testChannelOf", { name })}
        >
          {t("settings.testChannel")}
        </Button>
        <Button icon="edit" onClick={() => setEditing(true)} aria-label={t("settings.editItem", { name })}>
          {t("ui.edit")}
        </Button>
        <DeleteButton name={name} hint={t("settings.deleteChannelHint")} submission={submission} remove={remove} />
      </div>
      <Problem text={submission.errors[""]} />
      {editing && (
        <ChannelDialog
          existing={[name, channel]}
          setting={setting}
          hasMailServer={hasMailServer}
          close={() => setEditing(false)}
        />
      )}
    </>
  );
}

type DialogProps = Pick<RowProps, "setting" | "hasMailServer"> & {
  existing?: readonly [string, Channel];
  close: () => void;
};

/** Form of a channel, new or existing. The name and kind of an existing one do not change. */
function ChannelDialog({ existing, setting, hasMailServer, close }: DialogProps) {
  const [former, before] = existing ?? ["", undefined];
  const queries = useQueryClient();
  const { stored, save } = useSettingSave(setting);
  const submission = useSubmission();
  const [name, setName] = useState(former);
  const [kind, setKind] = useState<Channel["kind"]>(before?.kind ?? "email");
  const [values, setValues] = useState<Record<string, string>>({ to: before?.to?.join(", ") ?? "" });
  const [events, setEvents] = useState<readonly DeploymentEvent[]>(before?.deployments ?? []);
  const { errors } = submission;
  const field = (key: string, label: string, type = "text", help?: string) => (
    <Field label={label} help={help} error={errors[key]}>
      <Input
        type={type}
        value={values[key] ?? ""}
        onChange={(event) => setValues({ ...values, [key]: event.target.value })}
      />
    </Field>
  );
  const submit = async () => {
    const settings = stored as unknown as AlertSettings;
    const channels = settings.channels ?? {};
    const taken = !existing && name.trim() in channels ? t("settings.channelTaken") : undefined;
    const required = kind === "email" ? ["to"] : before ? [] : ["url"];
    const problems = Object.fromEntries(required.map((key) => [key, missing(values[key] ?? "")]));
    // Whatever the form does not show remains, such as the headers of a webhook.
    const channel = { ...channels[former], ...channelOf(kind, values) };
    // Servers of the previous version do not know this key.
    if (events.length > 0 || before?.deployments) channel.deployments = [...events];
    const value = { ...settings, channels: { ...channels, [name.trim()]: channel } } as unknown as Json;
    const saved = await submission.send(() => save(value), { ...problems, name: missing(name) ?? taken });
    await queries.invalidateQueries(alertsQuery);
    if (!saved) return;
    notify(t("settings.saved", { name: name.trim() }));
    close();
  };
  return (
    <FormDialog
      title={existing ? t("settings.editItem", { name: former }) : t("settings.newChannel")}
      submitLabel={existing ? t("ui.save") : t("settings.create")}
      submission={submission}
      submit={submit}
      close={close}
    >
      <Field label={t("settings.channelName")} error={errors.name}>
        <Input value={name} readOnly={Boolean(existing)} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label={t("settings.channelKind")}>
        <Select value={kind} disabled={Boolean(existing)} set={(chosen) => setKind(chosen as Channel["kind"])}>
          {Object.entries(KINDS).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      {kind !== "email" &&
        field("url", t("settings.channelUrl"), "url", before ? t("settings.channelUrlKept") : undefined)}
      {kind === "email" && (
        <>
          {field("to", t("settings.channelTo"))}
          {!before?.host && <MailServerNote isSet={hasMailServer} />}
        </>
      )}
      <EventFields chosen={events} set={setEvents} />
    </FormDialog>
  );
}

/** Server that sends the mails of a channel, with a link to its setting. */
function MailServerNote({ isSet }: { isSet: boolean }) {
  const { workspace = "" } = useParams();
  const page = <Link to={`/w/${workspace}/settings/instance`}>{t("settings.instanceSettings")}</Link>;
  return (
    <p className={isSet ? css.note : css.problem}>
      {tWith(isSet ? "settings.channelMailServer" : "settings.channelNoMailServer", { page })}
    </p>
  );
}

interface EventProps {
  chosen: readonly DeploymentEvent[];
  set: (chosen: readonly DeploymentEvent[]) => void;
}

function EventFields({ chosen, set }: EventProps) {
  const all = Object.keys(EVENTS) as DeploymentEvent[];
  return (
    <fieldset className={`${css.dialog} ${css.card}`}>
      <legend>{t("settings.channelDeployments")}</legend>
      {all.map((event) => (
        <label key={event}>
          <input
            type="checkbox"
            checked={chosen.includes(event)}
            onChange={() => set(all.filter((each) => chosen.includes(each) !== (each === event)))}
          />{" "}
          {EVENTS[event]}
        </label>
      ))}
    </fieldset>
  );
}

/** Return the fields of a channel in the form. An empty URL leaves the stored one. */
function channelOf(kind: Channel["kind"], values: Readonly<Record<string, string>>): Channel {
  const url = values.url?.trim();
  if (kind !== "email") return url ? { kind, url } : { kind };
  const to = (values.to ?? "").split(",").map((each) => each.trim());
  return { kind, to: to.filter(Boolean) };
}
