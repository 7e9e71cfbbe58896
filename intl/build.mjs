// Writes the object Intl of expressions and the data of its locales to src/orvanta_platform/evaluate/intl.
import { mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build } from 'rolldown';

const LOCALES = (
  'af am ar az be bg bn bs ca cs cy da de de-AT de-CH el en en-001 en-150 en-AU en-CA en-GB en-IE en-IN en-NZ en-ZA es es-419 es-AR es-MX ' +
  'es-US et eu fa fi fil fr fr-BE fr-CA fr-CH ga gl gu he hi hr hu hy id is it it-CH ja ka kk km kn ko lo lt lv mk ml mn mr ' +
  'ms my nb ne nl nl-BE nn pa pl pt pt-PT ro ru si sk sl sq sr sr-Latn sv sw ta te th tr uk ur uz vi zh zh-Hant zh-Hant-HK zu'
).split(' ');
const PARTS = { number: 'NumberFormat', date: 'DateTimeFormat', list: 'ListFormat', relative: 'RelativeTimeFormat', names: 'DisplayNames' };
const STYLES = ['full', 'long', 'medium', 'short'];
const OUTPUT = new URL('../src/orvanta_platform/evaluate/intl/', import.meta.url);

const require = createRequire(import.meta.url);
const fileOf = (name, locale) => new URL(`node_modules/@formatjs/intl-${name.toLowerCase()}/locale-data/${locale}.js`, import.meta.url);
const parents = (locale) => (locale.includes('-') ? [locale, ...parents(locale.slice(0, locale.lastIndexOf('-')))] : [locale]);

// The files of the packages are scripts that hand their data to a constructor of Intl.
function readData(name, locale) {
  const file = parents(locale).map((each) => fileOf(name, each)).find(existsSync);
  let found = null;
  const Intl = { [name]: { __addLocaleData: (entry) => (found = entry) } };
  new Function('Intl', readFileSync(file, 'utf8').replace(/^export .*$/m, ''))(Intl);
  return found.data;
}

// Letters of a pattern are fields unless they are quoted.
const quoted = (pattern) => pattern.replace(/[^{}\d\s,]+/g, (word) => (/[a-z]/i.test(word) ? `'${word}'` : word));

// Words between date and time ("at") are missing in the packages: they are read from the locales of Node.
function connectors(locale, given) {
  const at = new Date(Date.UTC(2024, 2, 5, 15, 4));
  const format = (options) => new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }).format(at);
  const found = {};
  for (const dateStyle of STYLES) {
    const [date, time] = [format({ dateStyle }), format({ timeStyle: 'short' })];
    const joined = format({ dateStyle, timeStyle: 'short' });
    const isFound = joined.includes(date) && joined.includes(time);
    found[dateStyle] = isFound ? quoted(joined.replace(date, '{1}').replace(time, '{0}')) : given[dateStyle];
  }
  return found;
}

// Combinations of a date and a time are left out: main.js joins their patterns.
function readDates(locale) {
  const data = readData('DateTimeFormat', locale);
  const simple = Object.entries(data.formats.gregory).filter(([skeleton]) => /^[GyMLEcdBhHmsv]+$/.test(skeleton) && !/LL|BB/.test(skeleton));
  const isTime = ([skeleton]) => /[BhHmsv]/.test(skeleton);
  const intervals = Object.entries(data.intervalFormats).filter(([skeleton]) => !skeleton.includes(','));
  const { formats, calendarData, ...rest } = data;
  return {
    ...rest,
    ca: ['gregory', 'iso8601'],
    dates: simple.filter((format) => !isTime(format)),
    times: simple.filter((format) => isTime(format) && !/[GyMEd]/.test(format[0])),
    dateTimeFormat: connectors(locale, data.dateTimeFormat),
    intervalFormats: Object.fromEntries(intervals),
  };
}

rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT, { recursive: true });
for (const locale of LOCALES) {
  for (const [part, name] of Object.entries(PARTS)) {
    const data = part === 'date' ? readDates(locale) : readData(name, locale);
    // Engines write a plain space where the data have a narrow no-break space before AM and PM.
    const text = JSON.stringify(data);
    writeFileSync(new URL(`${locale}.${part}.json`, OUTPUT), part === 'date' ? text.replaceAll('\u202f', ' ') : text);
  }
}

const languages = [...new Set([...LOCALES, 'pt-PT'])].filter((locale) => existsSync(fileOf('PluralRules', locale)));
const entries = languages.map((locale) => {
  const { categories, fn } = readData('PluralRules', locale);
  return `${JSON.stringify(locale)}: { categories: ${JSON.stringify(categories)}, fn: ${fn} }`;
});
await build({
  input: new URL('main.js', import.meta.url).pathname,
  plugins: [
    {
      name: 'plurals',
      resolveId: (id) => (id === 'virtual:plurals' ? id : null),
      load: (id) => (id === 'virtual:plurals' ? `export default { ${entries.join(',\n')} }` : null),
    },
  ],
  output: { file: new URL('intl.js', OUTPUT).pathname, format: 'iife', minify: true },
  logLevel: 'warn',
});
