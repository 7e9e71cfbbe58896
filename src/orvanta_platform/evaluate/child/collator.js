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

  const classOf = (letter) => {
    if (/\s/.test(letter)) return 0;
    const at = PUNCTUATION.indexOf(letter);
    if (at >= 0) return 1 + at;
    if (/\p{Nd}/u.test(letter)) return 200;
    return /\p{L}/u.test(letter) ? 300 : 100;
  };

  // The weights of a text: of its letters, of their accents, and of their case.
  const weigh = (text, language, isNumeric) => {
    const letters = [];
    const accents = [];
    const cases = [];
    const add = (kind, value, accent, isUpper) => {
      letters.push([kind, value]);
      accents.push(accent);
      cases.push(isUpper ? 1 : 0);
    };
    const parts = text.normalize('NFC').match(isNumeric ? /\d+|[^]/gu : /[^]/gu) ?? [];
    for (const part of parts) {
      if (isNumeric && /^\d/.test(part)) {
        add(200, BigInt(part), '', false);
        continue;
      }
      const lower = part.toLowerCase();
      const isUpper = lower !== part;
      const tailored = TAILORED[language]?.(lower);
      if (tailored) {
        add(300, tailored[0].codePointAt(0) + tailored[1] / 8, '', isUpper);
        continue;
      }
      const [base, ...marks] = part.normalize('NFD');
      if (/\p{M}/u.test(base)) {
        if (accents.length) accents[accents.length - 1] += base;
        continue;
      }
      const plain = LETTERS[base] ?? base;
      for (const each of plain) add(classOf(each), each.toLowerCase().codePointAt(0), plain === base ? marks.join('') : base, isUpper);
    }
    return { letters, accents, cases };
  };

  const compareLists = (left, right, compare) => {
    for (let at = 0; at < left.length && at < right.length; at++) {
      const order = compare(left[at], right[at]);
      if (order) return order;
    }
    return Math.sign(left.length - right.length);
  };
  const compareValues = (left, right) => (left < right ? -1 : left > right ? 1 : 0);
  const compareLetters = ([kind, value], [otherKind, other]) => compareValues(kind, otherKind) || compareValues(value, other);

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
    return (left, right) => {
      const [one, other] = [weigh(String(left), language, numeric), weigh(String(right), language, numeric)];
      return (
        compareLists(one.letters, other.letters, compareLetters) ||
        (hasAccents ? compareLists(one.accents, other.accents, compareValues) : 0) ||
        (hasCase ? direction * compareLists(one.cases, other.cases, compareValues) : 0)
      );
    };
  };

  function Collator(locales, options) {
    if (!new.target) return new Collator(locales, options);
    const compare = comparer(locales, options);
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
    return comparer(locales, options)(String(this), other);
  });
})();
