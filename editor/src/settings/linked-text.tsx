import { withCode } from "../ui/with-code";

const ADDRESS = /(https?:\/\/\S+)/;

/** Text of the server whose addresses are links, with the parts between backticks as code. */
export const LinkedText = ({ text }: { text: string }) => (
  <>
    {text
      .split(ADDRESS)
      .map((part, index) => (index % 2 === 0 ? withCode(part) : <Address key={part} address={part} />))}
  </>
);

const Address = ({ address }: { address: string }) => <a href={address}>{address}</a>;
