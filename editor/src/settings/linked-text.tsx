const ADDRESS = /(https?:\/\/\S+)/;

/** Text whose addresses are links. */
export const LinkedText = ({ text }: { text: string }) => (
  <>{text.split(ADDRESS).map((part, index) => (index % 2 === 0 ? part : <Address key={part} address={part} />))}</>
);

const Address = ({ address }: { address: string }) => <a href={address}>{address}</a>;
