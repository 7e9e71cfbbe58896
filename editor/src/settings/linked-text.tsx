import { t } from "../texts/settings";
import { withCode } from "../ui/with-code";

const ADDRESS = /(https?:\/\/\S+)/;
const RUN = /\/w\/[^/]+\/runs\/[^/]+$/;

/**
 * Text of the server whose addresses are links, with the parts between backticks as code. The address of a run, which is
 * long, is replaced by words.
 */
export const LinkedText = ({ text }: { text: string }) => (
  <>
    {text
      .split(ADDRESS)
      .map((part, index) => (index % 2 === 0 ? withCode(part) : <Address key={part} address={part} />))}
  </>
);

const Address = ({ address }: { address: string }) => (
  <a href={address}>{RUN.test(address) ? t("settings.alertOpenRun") : address}</a>
);
