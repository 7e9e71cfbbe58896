/** The first script, which is part of the page: it sends requests before the other scripts are loaded. */

import { sendEarlyRequests } from "./requests";

const base = document.querySelector<HTMLMetaElement>('meta[name="orvanta-api"]')?.content ?? "";
globalThis.earlyRequests = sendEarlyRequests(window.location.pathname, base, window.location.origin);
// Inline scripts that are found in the page afterwards are foreign.
document.currentScript?.remove();
