import "./ui/tokens.css";
import "./lib/nonce";
import "./lib/preact";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { followTheme } from "./lib/theme";
import { currentLanguage } from "./texts/language";
import { activate } from "./texts/t";

async function loadLanguage(): Promise<void> {
  const language = currentLanguage();
  document.documentElement.lang = language;
  if (language === "de") activate(language, (await import("./texts/de")).messages);
}

async function start(root: HTMLElement): Promise<void> {
  await loadLanguage();
  // Modules of the page read texts when they are loaded, so they are loaded after the language.
  const { App, opened } = await import("./app");
  await opened;
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}

followTheme();
if (window.matchMedia("(any-pointer: coarse)").matches) void import("./ui/touch-titles");
const root = document.getElementById("root");
if (root) void start(root);
