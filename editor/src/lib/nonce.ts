/** What style sheets made by the page must carry to count; empty where the web server asks for none. */
export const NONCE = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

declare global {
  /** Where the dialogs' library looks for it. */
  var __webpack_nonce__: string;
}

globalThis.__webpack_nonce__ = NONCE;
