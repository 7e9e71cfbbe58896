// Intl.Collator and String.prototype.localeCompare in the order of the root locale of CLDR for Latin, Greek and Cyrillic
// letters; other letters are in the order of Unicode. Evaluated in a context whose expression names one of them.
(() => {
  'use strict';
  const define = (target, name, value) => Object.defineProperty(target, name, { value, writable: true, configurable: true });

  const PUNCTUATION = '_-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$';
  // Letters that are not decomposed, by those that they are sorted with.
  const LETTERS = { ß: 'ss', æ: 'ae', Æ: 'AE', œ: 'oe', Œ: 'OE', ø: 'o', Ø: 'O', ł: 'l', Ł: 'L', đ: 'd', Đ: 'D', ı: 'i' };
  // Letters that a language sorts after others, by the place behind which they are.
  const AFTER_Z = { å: 1, ä: 2, æ: 2, ö: 3, ø: 3 };
  const DANISH = { æ: 1, ä: 1, ø: 2, ö: 2, å: 3 };
  const TAILORED = {
    sv: (letter) => AFTER_Z[letter] && ['z', AFTER_Z[letter]],
    fi: (letter) => AFTER_Z[letter] && ['z', AFTER_Z[letter]],
    da: (letter) => DANISH[letter] && ['z', DANISH[letter]],
    nb: (letter) => DANISH[letter] && ['z', DANISH[letter]],
    no: (letter) => DANISH[letter] && ['z', DANISH[letter]],
    es: (letter) => letter === 'ñ' && ['n', 1],
    pl: (letter) => {
      const at = 'ąćęłńóśźż'.indexOf(letter);
      return at >= 0 && ['acelnoszz'[at], letter === 'ż' ? 2 : 1];
    },
  };

  // Three letters for each letter of a text, by which texts are compared: its class, itself, and its place after itself.
  const weightOf = (letter) => {
    if (/\s/.test(letter)) return '\x01\x01\x01';
    const at = PUNCTUATION.indexOf(letter);
    if (at >= 0) return `\x02${String.fromCharCode(at + 1)}\x01`;
    return `${/\p{Nd}/u.test(letter) ? '\x04' : /\p{L}/u.test(letter) ? '\x05' : '\x03'}${letter.toLowerCase()}\x01`;
  };
  const ASCII = Array.from({ length: 128 }, (_, code) => weightOf(String.fromCharCode(code)));
  const isUpperCase = (letter) => letter.toLowerCase() !== letter;

  // The weights of a text in the order in which they count: of its letters, their accents, and their case.
  const weigh = (text, language, isNumeric) => {
    let letters = '';
    let accents = '';
    let cases = '';
    const add = (weight, accent, isUpper) => {
      letters += weight;
      accents += `\x01${accent}`;
      cases += isUpper ? '1' : '0';
    };
    const parts = text.normalize('NFC').match(isNumeric ? /\d+|[^]/gu : /[^]/gu) ?? [];
    for (const part of parts) {
      if (isNumeric && /^\d/.test(part)) {
        const digits = part.replace(/^0+(?=\d)/, '');
        add(`\x04${String.fromCharCode(digits.length)}${digits}`, '', false);
        continue;
      }
      if (part < '\x80') {
        add(ASCII[part.charCodeAt(0)], '', isUpperCase(part));
        continue;
      }
      const tailored = TAILORED[language]?.(part.toLowerCase());
      if (tailored) {
        add(`\x05${tailored[0]}${String.fromCharCode(1 + tailored[1])}`, '', isUpperCase(part));
        continue;
      }
      const [base, ...marks] = part.normalize('NFD');
      if (/\p{M}/u.test(base)) {
        accents += base;
        continue;
      }
      const plain = LETTERS[base] ?? base;
      for (const each of plain) add(weightOf(each), plain === base ? marks.join('') : base, isUpperCase(part));
    }
    return [letters, accents, cases];
  };

  const order = (left, right) => (left < right ? -1 : left > right ? 1 : 0);

  const languageOf = (locales) => {
    const tag = Array.isArray(locales) ? locales[0] : locales;
    if (tag === undefined) return 'en';
    if (!/^[a-z]{2,3}(?:-[a-z\d]{1,8})*$/i.test(tag)) throw new RangeError('Incorrect locale information provided');
    return String(tag).toLowerCase().split('-')[0];
  };

  const comparer = (locales, options) => {
    const language = languageOf(locales);
    const { numeric = /-u(?:-\w+)*-kn(?!-false)/.test(String(locales)), sensitivity = 'variant', caseFirst = 'false' } = options ?? {};
    if (!['base', 'accent', 'case', 'variant'].includes(sensitivity))
      throw new RangeError(`Value ${sensitivity} out of range for Intl.Collator options property sensitivity`);
    const hasAccents = sensitivity === 'accent' || sensitivity === 'variant';
    const hasCase = sensitivity === 'case' || sensitivity === 'variant';
    const direction = caseFirst === 'upper' ? -1 : 1;
    const known = new Map();
    const weightsOf = (text) => {
      let found = known.get(text);
      if (!found) known.set(text, (found = weigh(text, language, numeric)));
      return found;
    };
    return (left, right) => {
      const [letters, accents, cases] = weightsOf(String(left));
      const [otherLetters, otherAccents, otherCases] = weightsOf(String(right));
      return (
        order(letters, otherLetters) ||
        (hasAccents ? order(accents, otherAccents) : 0) ||
        (hasCase ? direction * order(cases, otherCases) : 0)
      );
    };
  };

  // A sort compares each text many times.
  const comparers = new Map();
  const comparerOf = (locales, options) => {
    const key = `${locales}|${options?.numeric}|${options?.sensitivity}|${options?.caseFirst}`;
    let found = comparers.get(key);
    if (!found) comparers.set(key, (found = comparer(locales, options)));
    return found;
  };

  function Collator(locales, options) {
    if (!new.target) return new Collator(locales, options);
    const compare = comparerOf(locales, options);
    define(this, 'compare', (left, right) => compare(left, right));
    define(this, 'resolvedOptions', () => ({
      locale: languageOf(locales),
      usage: 'sort',
      sensitivity: 'variant',
      ignorePunctuation: false,
      collation: 'default',
      numeric: false,
      caseFirst: 'false',
      ...options,
    }));
  }
  globalThis.Intl ??= {};
  define(globalThis.Intl, 'Collator', Collator);
  define(String.prototype, 'localeCompare', function localeCompare(other, locales, options) {
    return comparerOf(locales, options)(String(this), other);
  });
})();
