/** Languages of the page, by their BCP 47 codes. The first is the default and the language of the sources. */
export const LANGUAGES = ["en", "de"] as const;

export type Language = (typeof LANGUAGES)[number];

export const LANGUAGE_NAMES: Record<Language, string> = { en: "English", de: "Deutsch" };

const KEY = "orvanta.language";

function isLanguage(text: string | null | undefined): text is Language {
  return LANGUAGES.includes(text as Language);
}

/** Return the chosen language, or else the first one of the browser's that the page has. */
export function currentLanguage(): Language {
  if (typeof localStorage === "undefined") return LANGUAGES[0];
  const stored = localStorage.getItem(KEY);
  if (isLanguage(stored)) return stored;
  return navigator.languages.map((tag) => tag.split("-")[0]).find(isLanguage) ?? LANGUAGES[0];
}

/** Store the language and load the page again: texts are read once, when a module is loaded. */
export function chooseLanguage(language: Language): void {
  localStorage.setItem(KEY, language);
  window.location.reload();
}

/** The texts of the server are English. */
export const IS_ENGLISH = currentLanguage() === "en";

/** The locale of dates and numbers. English dates are written day first. */
export const LOCALE = currentLanguage() === "de" ? "de-DE" : "en-GB";
