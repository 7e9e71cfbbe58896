/** Nonce of style sheets that the page creates; empty if the web server requires none. */
export const NONCE = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

declare global {
  /** Read by the library of the dialogs. */
  var __webpack_nonce__: string;
}

globalThis.__webpack_nonce__ = NONCE;
