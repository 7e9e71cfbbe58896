// The object Intl of expressions: the FormatJS polyfills, which read the data of a locale or time zone when it is first
// used. The function orvantaIntl defines them; it is called with `open`, which returns such data by its kind and name, or null.
import { DateTimeFormat } from '@formatjs/intl-datetimeformat';
import { DisplayNames } from '@formatjs/intl-displaynames';
import ListFormat from '@formatjs/intl-listformat';
import { NumberFormat } from '@formatjs/intl-numberformat';
import { PluralRules } from '@formatjs/intl-pluralrules';
import RelativeTimeFormat from '@formatjs/intl-relativetimeformat';
import { formatsFor } from './formats.js';
import plurals from 'virtual:plurals';

const DEFAULT = 'en-US';
const TAG = /^[a-z]{2,3}(-[a-z]{4})?(-(?:[a-z]{2}|\d{3}))?(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(-[a-wyz](?:-[a-z\d]{2,8})+)*$/i;
const OFFSET = /^[+-]\d{2}(?::?\d{2})?$/;
const PARTS = { NumberFormat: 'number', DateTimeFormat: 'date', ListFormat: 'list', RelativeTimeFormat: 'relative', DisplayNames: 'names' };
const DATE = ['weekday', 'year', 'month', 'day'];
const TIME = ['dayPeriod', 'hour', 'minute', 'second', 'fractionalSecondDigits'];
const STYLES = ['dateStyle', 'timeStyle'];
const OTHERS = ['era', 'timeZoneName', 'hour12', 'hourCycle', 'timeZone', 'calendar', 'numberingSystem', 'formatMatcher'];

const define = (target, name, value) => Object.defineProperty(target, name, { value, writable: true, configurable: true });

// Subtags in their usual case: zh-hant-tw becomes zh-Hant-TW.
const canonicalTag = (tag) => {
  if (typeof tag !== 'string' && (typeof tag !== 'object' || tag === null)) throw new TypeError('Incorrect locale information provided');
  const text = String(tag);
  if (!TAG.test(text)) throw new RangeError(`Incorrect locale information provided`);
  const [base, ...extensions] = text.toLowerCase().split(/-(?=[a-wyz]-)/);
  const cased = base.split('-').map((part, at) => {
    if (at && part.length === 4 && /^[a-z]/.test(part)) return part[0].toUpperCase() + part.slice(1);
    return at && part.length === 2 ? part.toUpperCase() : part;
  });
  return [cased.join('-'), ...extensions].join('-');
};

const canonicalList = (locales) => {
  if (locales === undefined) return [];
  if (typeof locales === 'string' || locales instanceof Locale) return [canonicalTag(locales)];
  return [...new Set(Array.from(Object(locales), canonicalTag))];
};

const withoutExtension = (tag) => tag.split(/-[a-wyz]-/)[0];

class Locale {
  #tag;
  constructor(tag) {
    this.#tag = canonicalTag(tag);
  }
  get baseName() {
    return withoutExtension(this.#tag);
  }
  get language() {
    return this.baseName.split('-')[0];
  }
  get script() {
    return this.baseName.split('-').find((part, at) => at && part.length === 4 && /^[A-Z]/.test(part));
  }
  get region() {
    return this.baseName.split('-').find((part, at) => at && /^(?:[A-Z]{2}|\d{3})$/.test(part));
  }
  toString() {
    return this.#tag;
  }
}
define(Locale.prototype, Symbol.toStringTag, 'Intl.Locale');

const DATES = ['year', 'month', 'day'];
const TIMES = ['hour', 'minute', 'second'];
const NUMBERS = ['NumberFormat', 'DateTimeFormat', 'RelativeTimeFormat'];

globalThis.orvantaIntl = (open) => {
  const loaded = new Map();
  const read = (kind, name) => {
    const key = `${kind} ${name}`;
    if (!loaded.has(key)) loaded.set(key, open(kind, name));
    return loaded.get(key);
  };

  const pluralOf = (tag) => {
    for (let base = tag; base; base = base.slice(0, Math.max(0, base.lastIndexOf('-')))) {
      if (Object.hasOwn(plurals, base)) return plurals[base];
    }
    return null;
  };

  // The data for a locale are those of the closest locale that has any.
  const dataOf = (name, tag) => {
    const base = withoutExtension(tag);
    return name === 'PluralRules' ? pluralOf(base) : read('locale', `${base}/${PARTS[name]}`);
  };
  const find = (name, tags) => {
    const tag = tags.find((each) => dataOf(name, each) !== null) ?? DEFAULT;
    return [tag, dataOf(name, tag)];
  };

  const zoneOf = (given) => {
    const zone = String(given);
    if (zone === 'UTC' || OFFSET.test(zone)) return zone;
    const found = read('zone', zone);
    if (found === null) throw new RangeError(`Invalid time zone specified: ${zone}`);
    DateTimeFormat.tzData[found.name] = found.changes;
    return found.name;
  };
  DateTimeFormat.tzData = { UTC: [[-1e13, '', 0, 0]] };

  // Without any field of `needed`, the fields of `defaults` are formatted.
  const dateOptions = (given, needed = [...DATE, ...TIME], defaults = DATES) => {
    if (given === null) throw new TypeError('Cannot convert undefined or null to object');
    const source = Object(given ?? {});
    const options = {};
    for (const name of [...DATE, ...TIME, ...STYLES, ...OTHERS]) if (source[name] !== undefined) options[name] = source[name];
    if (![...needed, ...STYLES].some((name) => name in options)) for (const name of defaults) options[name] = 'numeric';
    options.timeZone = zoneOf(options.timeZone ?? 'UTC');
    return options;
  };

  const wrap = (name, Native) => {
    const make = (target, [locales, given]) => {
      const [tag, data] = find(name, canonicalList(locales));
      const isDate = name === 'DateTimeFormat';
      const options = isDate ? dateOptions(given) : given;
      if (NUMBERS.includes(name)) find('NumberFormat', [tag]);
      Native.availableLocales.clear();
      Native.__addLocaleData({ locale: withoutExtension(tag), data: isDate ? { ...data, formats: { gregory: formatsFor(data, options) } } : data });
      return Reflect.construct(Native, [tag, options], target);
    };
    const isCallable = name === 'NumberFormat' || name === 'DateTimeFormat';
    const wrapped = new Proxy(Native, {
      __proto__: null,
      construct: (_, values, target) => make(target, values),
      apply: (_, __, values) => {
        if (!isCallable) throw new TypeError(`Constructor Intl.${name} requires 'new'`);
        return make(wrapped, values);
      },
    });
    define(Native.prototype, 'constructor', wrapped);
    define(Native, 'supportedLocalesOf', (locales) => canonicalList(locales).filter((tag) => dataOf(name, tag) !== null));
    return wrapped;
  };

  const natives = { DateTimeFormat, DisplayNames, ListFormat, NumberFormat, PluralRules, RelativeTimeFormat };
  const intl = { getCanonicalLocales: canonicalList, Locale };
  for (const name of Object.keys(natives)) intl[name] = wrap(name, natives[name]);
  globalThis.Intl ??= {};
  for (const name of Object.keys(intl)) define(globalThis.Intl, name, intl[name]);
  define(globalThis.Intl, Symbol.toStringTag, 'Intl');

  // Expressions format lists of values with the same options.
  const formatters = new Map();
  const formatterOf = (name, locales, options, make) => {
    const key = `${name} ${JSON.stringify([locales, options])}`;
    let found = formatters.get(key);
    if (!found) formatters.set(key, (found = make()));
    return found;
  };

  const formatNumber = {
    toLocaleString(locales, options) {
      return formatterOf('number', locales, options, () => new intl.NumberFormat(locales, options)).format(this.valueOf());
    },
  }.toLocaleString;
  define(Number.prototype, 'toLocaleString', formatNumber);
  define(BigInt.prototype, 'toLocaleString', formatNumber);
  define(Array.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return Array.from(this, (each) => each?.toLocaleString(locales, options) ?? '').join(',');
  });
  const formatDate = (name, needed, defaults, refused) =>
    define(
      Date.prototype,
      name,
      {
        [name](locales, options) {
          const at = this.getTime();
          if (Number.isNaN(at)) return 'Invalid Date';
          if (options?.[refused] !== undefined) throw new TypeError(`Invalid option : ${refused}`);
          const make = () => new intl.DateTimeFormat(locales, dateOptions(options, needed, defaults));
          return formatterOf(name, locales, options, make).format(at);
        },
      }[name],
    );
  formatDate('toLocaleString', [...DATE, ...TIME], [...DATES, ...TIMES]);
  formatDate('toLocaleDateString', DATE, DATES, 'timeStyle');
  formatDate('toLocaleTimeString', TIME, TIMES, 'dateStyle');
};
