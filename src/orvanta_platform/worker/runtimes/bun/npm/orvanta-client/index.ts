// Another name of windmill-client.

export * from "../windmill-client/index.ts";
export { default } from "../windmill-client/index.ts";
