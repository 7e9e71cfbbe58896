// Interfaces of the web platform that the engine lacks, by the WHATWG standards. Evaluated in a context whose expression
// names one of them.
(() => {
  'use strict';
  const define = (members) => {
    for (const name of Object.keys(members))
      Object.defineProperty(globalThis, name, { value: members[name], writable: true, configurable: true });
  };

  // Encoding

  const encodeUtf8 = (text) => {
    const bytes = [];
    for (const character of text.toWellFormed()) {
      const code = character.codePointAt(0);
      if (code < 0x80) bytes.push(code);
      else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
    return bytes;
  };

  // Invalid sequences become U+FFFD, one for each maximal part, or throw if `fatal`.
  const decodeUtf8 = (bytes, fatal) => {
    const parts = [];
    const fail = () => {
      if (fatal) throw new TypeError('The encoded data was not valid for encoding utf-8');
      parts.push('\ufffd');
    };
    for (let at = 0; at < bytes.length; ) {
      const first = bytes[at++];
      if (first < 0x80) {
        parts.push(String.fromCharCode(first));
        continue;
      }
      const more = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
      if (!more) {
        fail();
        continue;
      }
      let code = first & (0x3f >> more);
      let low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
      let high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
      let left = more;
      for (; left && bytes[at] >= low && bytes[at] <= high; left--) {
        code = (code << 6) | (bytes[at++] & 63);
        [low, high] = [0x80, 0xbf];
      }
      if (left) fail();
      else parts.push(String.fromCodePoint(code));
    }
    return parts.join('');
  };

  class TextEncoder {
    get encoding() {
      return 'utf-8';
    }
    encode(text = '') {
      return Uint8Array.from(encodeUtf8(String(text)));
    }
    encodeInto(text, target) {
      let read = 0;
      let written = 0;
      for (const character of String(text)) {
        const bytes = encodeUtf8(character);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        read += character.length;
        written += bytes.length;
      }
      return { read, written };
    }
  }

  class TextDecoder {
    #options;
    constructor(label = 'utf-8', options = {}) {
      if (!/^\s*(unicode-1-1-)?utf-?8\s*$/i.test(label)) throw new RangeError(`The "${label}" encoding is not supported`);
      this.#options = options;
    }
    get encoding() {
      return 'utf-8';
    }
    get fatal() {
      return Boolean(this.#options.fatal);
    }
    get ignoreBOM() {
      return Boolean(this.#options.ignoreBOM);
    }
    decode(data = new Uint8Array()) {
      const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);
      const text = decodeUtf8(bytes, this.fatal);
      return !this.ignoreBOM && text[0] === '\ufeff' ? text.slice(1) : text;
    }
  }

  // structuredClone

  const refuseClone = (value) => {
    throw new DOMException(`${typeof value === 'object' ? '#<Object>' : String(value)} could not be cloned.`, 'DataCloneError');
  };

  const clone = (value, known) => {
    if (typeof value === 'function' || typeof value === 'symbol') refuseClone(value);
    if (typeof value !== 'object' || value === null) return value;
    if (known.has(value)) return known.get(value);
    const keep = (copy) => (known.set(value, copy), copy);
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    if (['Number', 'String', 'Boolean', 'BigInt'].includes(tag)) return keep(Object(value.valueOf()));
    if (tag === 'Date') return keep(new Date(value.getTime()));
    if (tag === 'RegExp') return keep(new RegExp(value.source, value.flags));
    if (tag === 'ArrayBuffer') return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) {
      const buffer = clone(value.buffer, known);
      return keep(new value.constructor(buffer, value.byteOffset, value.length ?? value.byteLength));
    }
    if (value instanceof Map) {
      const copy = keep(new Map());
      for (const [key, each] of [...value]) copy.set(clone(key, known), clone(each, known));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(new Set());
      for (const each of [...value]) copy.add(clone(each, known));
      return copy;
    }
    if (value instanceof Error) {
      const maker = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].find((each) => each.name === value.name);
      return keep(new (maker ?? Error)(value.message));
    }
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) refuseClone(value);
    const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) copy[key] = clone(value[key], known);
    return copy;
  };

  const structuredClone = (...values) => {
    if (!values.length) throw new TypeError("The \"value\" argument must be specified");
    return clone(values[0], new Map());
  };

  // URL: percent-encoding

  const percent = (bytes) => bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  const C0 = (code) => code < 0x20 || code > 0x7e;
  const containing = (set, characters) => (code) => set(code) || characters.includes(String.fromCharCode(code));
  const FRAGMENT = containing(C0, ' "<>`');
  const QUERY = containing(C0, ' "#<>');
  const SPECIAL_QUERY = containing(QUERY, "'");
  const PATH = containing(QUERY, '?^`{}');
  const USER = containing(PATH, '/:;=@[\\]|');
  const encode = (text, set) => {
    let encoded = '';
    for (const character of text.toWellFormed()) encoded += set(character.codePointAt(0)) ? percent(encodeUtf8(character)) : character;
    return encoded;
  };
  const decodeBytes = (text) => {
    const bytes = encodeUtf8(text);
    const decoded = [];
    for (let at = 0; at < bytes.length; at++) {
      const hex = bytes[at] === 37 ? String.fromCharCode(bytes[at + 1] ?? 32, bytes[at + 2] ?? 32) : '';
      if (/^[0-9a-f]{2}$/i.test(hex)) {
        decoded.push(parseInt(hex, 16));
        at += 2;
      } else decoded.push(bytes[at]);
    }
    return decoded;
  };
  const decode = (text) => decodeUtf8(decodeBytes(text), false);

  // URLSearchParams

  const FORM = (code) => !/[A-Za-z0-9*\-._]/.test(String.fromCodePoint(code));
  const encodeForm = (text) => encode(text, (code) => code !== 32 && FORM(code)).replaceAll(' ', '+');
  const parseForm = (text) =>
    text.split('&').filter(Boolean).map((part) => {
      const at = part.indexOf('=');
      const pair = at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
      return pair.map((each) => decode(each.replaceAll('+', ' ')));
    });

  let watch;
  let replacePairs;

  class URLSearchParams {
    #pairs = [];
    #changed = () => {};
    static {
      watch = (params, changed) => (params.#changed = changed);
      replacePairs = (params, query) => (params.#pairs = parseForm(query));
    }
    constructor(init = '') {
      if (typeof init === 'object' && init !== null) {
        const isList = typeof init[Symbol.iterator] === 'function';
        const pairs = isList ? [...init].map((pair) => [...pair]) : Object.entries(init);
        if (pairs.some((pair) => pair.length !== 2)) throw new TypeError('Each query pair must be an iterable [name, value] tuple');
        this.#pairs = pairs.map((pair) => pair.map((each) => String(each).toWellFormed()));
      } else this.#pairs = parseForm(String(init).replace(/^\?/, ''));
    }
    get size() {
      return this.#pairs.length;
    }
    append(name, value) {
      this.#pairs.push([String(name).toWellFormed(), String(value).toWellFormed()]);
      this.#changed();
    }
    delete(name, value) {
      this.#pairs = this.#pairs.filter(([key, each]) => key !== String(name) || (value !== undefined && each !== String(value)));
      this.#changed();
    }
    get(name) {
      return this.#pairs.find(([key]) => key === String(name))?.[1] ?? null;
    }
    getAll(name) {
      return this.#pairs.filter(([key]) => key === String(name)).map(([, value]) => value);
    }
    has(name, value) {
      return this.#pairs.some(([key, each]) => key === String(name) && (value === undefined || each === String(value)));
    }
    set(name, value) {
      const first = this.#pairs.find(([key]) => key === String(name));
      if (!first) return this.append(name, value);
      first[1] = String(value).toWellFormed();
      this.#pairs = this.#pairs.filter((pair) => pair === first || pair[0] !== String(name));
      this.#changed();
    }
    sort() {
      this.#pairs.sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
      this.#changed();
    }
    forEach(callback, self) {
      for (const [name, value] of this) callback.call(self, value, name, this);
    }
    *entries() {
      for (let at = 0; at < this.#pairs.length; at++) yield [...this.#pairs[at]];
    }
    *keys() {
      for (const [name] of this) yield name;
    }
    *values() {
      for (const [, value] of this) yield value;
    }
    [Symbol.iterator]() {
      return this.entries();
    }
    toString() {
      return this.#pairs.map((pair) => pair.map(encodeForm).join('=')).join('&');
    }
    get [Symbol.toStringTag]() {
      return 'URLSearchParams';
    }
  }

  // URL: hosts

  const PORTS = { __proto__: null, 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21', 'file:': '' };
  const FORBIDDEN = /[\0\t\n\r #/:<>?@[\\\]^|]/;
  const FORBIDDEN_DOMAIN = /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/;
  const invalid = () => {
    const error = new TypeError('Invalid URL');
    error.code = 'ERR_INVALID_URL';
    return error;
  };

  // RFC 3492
  const digit = (value) => String.fromCharCode(value < 26 ? 97 + value : 22 + value);
  const punycode = (label) => {
    const points = [...label].map((character) => character.codePointAt(0));
    const basic = points.filter((code) => code < 128);
    let output = String.fromCharCode(...basic) + (basic.length ? '-' : '');
    let n = 128;
    let delta = 0;
    let bias = 72;
    for (let handled = basic.length; handled < points.length; delta++, n++) {
      const next = Math.min(...points.filter((code) => code >= n));
      delta += (next - n) * (handled + 1);
      n = next;
      for (const code of points) {
        if (code < n) delta++;
        if (code !== n) continue;
        let q = delta;
        for (let k = 36; ; k += 36) {
          const t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
          if (q < t) break;
          output += digit(t + ((q - t) % (36 - t)));
          q = Math.floor((q - t) / (36 - t));
        }
        output += digit(q);
        delta = Math.floor(delta / (handled === basic.length ? 700 : 2));
        delta += Math.floor(delta / (handled + 1));
        let k = 0;
        for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
        bias = k + Math.floor((36 * delta) / (delta + 38));
        delta = 0;
        handled++;
      }
    }
    return output;
  };

  const toAscii = (domain) =>
    domain
      .normalize('NFKC')
      .toLowerCase()
      .normalize('NFC')
      .replace(/\u00ad/g, '')
      .split(/[.\u3002]/)
      .map((label) => (/^[\0-\x7f]*$/.test(label) ? label : `xn--${punycode(label)}`))
      .join('.');

  const ipv4Number = (part) => {
    if (/^0x[0-9a-f]*$/i.test(part)) return parseInt(part.slice(2) || '0', 16);
    if (/^0[0-7]+$/.test(part)) return parseInt(part, 8);
    return /^(0|[1-9]\d*)$/.test(part) ? Number(part) : NaN;
  };

  const ipv4 = (host) => {
    const parts = host.split('.');
    if (parts.at(-1) === '' && parts.length > 1) parts.pop();
    if (!/^(\d+|0x[0-9a-f]*)$/i.test(parts.at(-1))) return null;
    if (parts.length > 4) throw invalid();
    const numbers = parts.map(ipv4Number);
    const last = numbers.pop();
    if (numbers.some((each) => !(each <= 255)) || !(last < 256 ** (4 - numbers.length))) throw invalid();
    const whole = numbers.reduce((sum, each, at) => sum + each * 256 ** (3 - at), last);
    return [24, 16, 8, 0].map((shift) => Math.floor(whole / 2 ** shift) % 256).join('.');
  };

  const ipv6 = (text) => {
    let rest = text;
    const tail = /(^|:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(rest);
    if (tail) {
      const bytes = tail.slice(2);
      if (bytes.some((each) => each > 255 || /^0\d/.test(each))) throw invalid();
      const [a, b, c, d] = bytes.map(Number);
      rest = `${rest.slice(0, tail.index)}${tail[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    }
    const halves = rest.split('::');
    if (halves.length > 2) throw invalid();
    const [head, end] = halves.map((half) => (half === '' ? [] : half.split(':')));
    const count = head.length + (end?.length ?? 0);
    if (end ? count > 7 : count !== 8) throw invalid();
    const pieces = [...head, ...(end ? Array(8 - count).fill('0') : []), ...(end ?? [])];
    if (pieces.some((piece) => !/^[0-9a-f]{1,4}$/i.test(piece))) throw invalid();
    const numbers = pieces.map((piece) => parseInt(piece, 16));
    let best = { at: -1, length: 1 };
    for (let at = 0; at < 8; at++) {
      let length = 0;
      while (at + length < 8 && numbers[at + length] === 0) length++;
      if (length > best.length) best = { at, length };
      at += length;
    }
    const hex = numbers.map((number) => number.toString(16));
    if (best.at < 0) return `[${hex.join(':')}]`;
    return `[${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.length).join(':')}]`;
  };

  const parseHost = (text, special) => {
    if (text.startsWith('[')) {
      if (!text.endsWith(']')) throw invalid();
      return ipv6(text.slice(1, -1));
    }
    if (!special) {
      if (FORBIDDEN.test(text)) throw invalid();
      return encode(text, C0);
    }
    const ascii = toAscii(decode(text));
    if (ascii === '' || FORBIDDEN_DOMAIN.test(ascii)) throw invalid();
    return ipv4(ascii) ?? ascii;
  };

  // URL: parsing. A path is a list of segments, or a text if it is opaque.

  const isDrive = (text) => /^[a-z][:|]$/i.test(text);
  const isSpecial = (url) => url.protocol in PORTS;
  const pop = (url) => {
    if (!(url.protocol === 'file:' && url.path.length === 1 && /^[a-z]:$/i.test(url.path[0]))) url.path.pop();
  };

  const addPath = (url, text) => {
    const segments = text.split(isSpecial(url) ? /[/\\]/ : '/');
    segments.forEach((segment, at) => {
      const last = at === segments.length - 1;
      if (/^(\.|%2e)(\.|%2e)$/i.test(segment)) {
        pop(url);
        if (last) url.path.push('');
      } else if (/^(\.|%2e)$/i.test(segment)) {
        if (last) url.path.push('');
      } else {
        const drive = url.protocol === 'file:' && url.path.length === 0 && isDrive(segment);
        url.path.push(drive ? `${segment[0]}:` : encode(segment, PATH));
      }
    });
  };

  const setAuthority = (url, text) => {
    const at = text.lastIndexOf('@');
    if (at >= 0) {
      const colon = text.slice(0, at).indexOf(':');
      const user = colon < 0 ? text.slice(0, at) : text.slice(0, colon);
      url.username = encode(user, USER);
      url.password = colon < 0 ? '' : encode(text.slice(colon + 1, at), USER);
    }
    const [, host, port] = /^((?:\[[^\]]*\]?|[^:[])*)(?::(.*))?$/s.exec(text.slice(at + 1)) ?? [];
    if (host === undefined || (host === '' && (isSpecial(url) || at >= 0 || port !== undefined))) throw invalid();
    url.host = host === '' ? '' : parseHost(host, isSpecial(url));
    if (port) url.port = parsePort(url, port);
  };

  const parsePort = (url, text) => {
    if (!/^\d+$/.test(text) || Number(text) > 65535) throw invalid();
    const port = String(Number(text));
    return port === PORTS[url.protocol] ? '' : port;
  };

  const setQuery = (url, query, fragment) => {
    if (query !== undefined) url.query = encode(query, isSpecial(url) ? SPECIAL_QUERY : QUERY);
    if (fragment !== undefined) url.fragment = encode(fragment, FRAGMENT);
  };

  const record = (protocol) => ({ protocol, username: '', password: '', host: null, port: '', path: [], query: null, fragment: null });

  // Splits off the fragment and the query.
  const split = (text) => {
    const [, rest, query, fragment] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
    return [rest, query, fragment];
  };

  const parseFile = (url, text, base) => {
    const [rest, query, fragment] = split(text);
    const inherits = base?.protocol === 'file:';
    const slashes = /^[/\\]*/.exec(rest)[0].length;
    url.host = '';
    if (slashes >= 2) {
      const [, host, path] = /^([^/\\]*)(.*)$/s.exec(rest.slice(2));
      const drive = isDrive(host);
      url.host = drive || host === '' ? '' : parseHost(host, true);
      if (url.host === 'localhost') url.host = '';
      addPath(url, drive ? rest.slice(2) : path.slice(1));
    } else if (slashes === 1) {
      if (inherits) {
        url.host = base.host;
        if (!isDrive(rest.slice(1, 3)) && /^[a-z]:$/i.test(base.path[0])) url.path.push(base.path[0]);
      }
      addPath(url, rest.slice(1));
    } else if (inherits) inheritPath(url, base, rest, query, isDrive(rest.slice(0, 2)) && /^$|^[/\\]/.test(rest.slice(2)));
    else addPath(url, rest);
    setQuery(url, query, fragment);
    return url;
  };

  const inheritPath = (url, base, rest, query, replaces = false) => {
    url.host = base.host;
    if (!replaces) url.path = [...base.path];
    if (rest !== '') {
      if (!replaces) pop(url);
      addPath(url, rest);
    } else if (query === undefined) url.query = base.query;
  };

  const parseRelative = (text, base) => {
    const url = record(base.protocol);
    if (typeof base.path === 'string') {
      if (!text.startsWith('#')) throw invalid();
      Object.assign(url, base, { fragment: encode(text.slice(1), FRAGMENT) });
      return url;
    }
    if (base.protocol === 'file:') return parseFile(url, text, base);
    const [rest, query, fragment] = split(text);
    const slashes = isSpecial(url) ? /^[/\\]*/ : /^\/*/;
    const count = slashes.exec(rest)[0].length;
    if (count >= 2) return parseAuthority(url, text.slice(2), isSpecial(url));
    Object.assign(url, { username: base.username, password: base.password, host: base.host, port: base.port });
    if (count === 1) addPath(url, rest.slice(1));
    else inheritPath(url, base, rest, query);
    setQuery(url, query, fragment);
    return url;
  };

  const parseAuthority = (url, text, special) => {
    const [rest, query, fragment] = split(special ? text.replace(/^[/\\]+/, '') : text);
    const [, authority, path] = (special ? /^([^/\\]*)(.*)$/s : /^([^/]*)(.*)$/s).exec(rest);
    setAuthority(url, authority);
    if (path !== '' || special) addPath(url, path.slice(1));
    setQuery(url, query, fragment);
    return url;
  };

  const parse = (input, base) => {
    const text = input.replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
    const scheme = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(text);
    if (!scheme) {
      if (!base) throw invalid();
      return parseRelative(text, base);
    }
    const url = record(`${scheme[1].toLowerCase()}:`);
    const rest = scheme[2];
    if (url.protocol === 'file:') return parseFile(url, rest, base);
    if (isSpecial(url)) {
      if (base?.protocol === url.protocol && !/^[/\\]{2}/.test(rest)) return parseRelative(rest, base);
      return parseAuthority(url, rest, true);
    }
    if (rest.startsWith('//')) return parseAuthority(url, rest.slice(2), false);
    const [path, query, fragment] = split(rest);
    if (path.startsWith('/')) addPath(url, path.slice(1));
    else url.path = encode(path, C0);
    setQuery(url, query, fragment);
    return url;
  };

  const pathOf = (url) => (typeof url.path === 'string' ? url.path : url.path.map((segment) => `/${segment}`).join(''));
  const hostOf = (url) => `${url.host ?? ''}${url.port ? `:${url.port}` : ''}`;
  const credentialsOf = (url) =>
    url.username || url.password ? `${url.username}${url.password ? `:${url.password}` : ''}@` : '';
  const serialize = (url) => {
    const path = pathOf(url);
    const authority = url.host === null ? (path.startsWith('//') ? '/.' : '') : `//${credentialsOf(url)}${hostOf(url)}`;
    const query = url.query === null ? '' : `?${url.query}`;
    return url.protocol + authority + path + query + (url.fragment === null ? '' : `#${url.fragment}`);
  };

  class URL {
    #url;
    #params = new URLSearchParams();
    constructor(input, base) {
      this.#take(parse(String(input), base === undefined ? undefined : parse(String(base))));
    }
    #take(url) {
      this.#url = url;
      replacePairs(this.#params, url.query ?? '');
      watch(this.#params, () => (this.#url.query = String(this.#params) || null));
    }
    static canParse(input, base) {
      return URL.parse(input, base) !== null;
    }
    static parse(input, base) {
      try {
        return new URL(input, base);
      } catch {
        return null;
      }
    }
    // Applies a change to a copy; an invalid one has no effect.
    #change(change) {
      const copy = { ...this.#url, path: typeof this.#url.path === 'string' ? this.#url.path : [...this.#url.path] };
      try {
        change(copy);
        this.#take(copy);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    }
    get href() {
      return serialize(this.#url);
    }
    set href(value) {
      this.#take(parse(String(value)));
    }
    get origin() {
      const { protocol, path } = this.#url;
      if (protocol === 'blob:') return URL.parse(path)?.origin ?? 'null';
      return isSpecial(this.#url) && protocol !== 'file:' ? `${protocol}//${hostOf(this.#url)}` : 'null';
    }
    get protocol() {
      return this.#url.protocol;
    }
    set protocol(value) {
      const scheme = /^([a-z][a-z0-9+.-]*):?/i.exec(String(value))?.[1].toLowerCase();
      if (!scheme || isSpecial({ protocol: `${scheme}:` }) !== isSpecial(this.#url)) return;
      this.#change((url) => {
        url.protocol = `${scheme}:`;
        if (url.port === PORTS[url.protocol]) url.port = '';
      });
    }
    get username() {
      return this.#url.username;
    }
    set username(value) {
      if (this.#url.host) this.#change((url) => (url.username = encode(String(value), USER)));
    }
    get password() {
      return this.#url.password;
    }
    set password(value) {
      if (this.#url.host) this.#change((url) => (url.password = encode(String(value), USER)));
    }
    get host() {
      return hostOf(this.#url);
    }
    set host(value) {
      const [host, port] = /^(\[[^\]]*\]|[^:/?#\\]*)(?::(\d+))?/.exec(String(value)).slice(1);
      if (typeof this.#url.path === 'string' || !host) return;
      this.#change((url) => {
        url.host = parseHost(host, isSpecial(url));
        if (port) url.port = parsePort(url, port);
      });
    }
    get hostname() {
      return this.#url.host ?? '';
    }
    set hostname(value) {
      const host = /^(\[[^\]]*\]|[^:/?#\\]*)/.exec(String(value))[1];
      if (typeof this.#url.path === 'string' || !host) return;
      this.#change((url) => (url.host = parseHost(host, isSpecial(url))));
    }
    get port() {
      return this.#url.port;
    }
    set port(value) {
      if (!this.#url.host || this.#url.protocol === 'file:') return;
      const digits = /^\d*/.exec(String(value))[0];
      if (digits || String(value) === '') this.#change((url) => (url.port = digits && parsePort(url, digits)));
    }
    get pathname() {
      return pathOf(this.#url);
    }
    set pathname(value) {
      if (typeof this.#url.path === 'string') return;
      this.#change((url) => {
        url.path = [];
        addPath(url, String(value).replace(isSpecial(url) ? /^[/\\]/ : /^\//, '').replace(/[?#]/g, encodeURIComponent));
      });
    }
    get search() {
      return this.#url.query ? `?${this.#url.query}` : '';
    }
    set search(value) {
      const query = String(value).replace(/^\?/, '');
      this.#change((url) => (url.query = query && encode(query, isSpecial(url) ? SPECIAL_QUERY : QUERY).replaceAll('#', '%23')));
      if (!query) this.#url.query = null;
    }
    get searchParams() {
      return this.#params;
    }
    get hash() {
      return this.#url.fragment ? `#${this.#url.fragment}` : '';
    }
    set hash(value) {
      const fragment = String(value).replace(/^#/, '');
      this.#url.fragment = fragment ? encode(fragment, FRAGMENT) : null;
    }
    toString() {
      return this.href;
    }
    toJSON() {
      return this.href;
    }
    get [Symbol.toStringTag]() {
      return 'URL';
    }
  }

  // There is no terminal: what an expression prints is discarded.
  const console = {};
  for (const name of 'log info warn error debug trace dir table group groupEnd time timeEnd timeLog count assert'.split(' '))
    console[name] = () => {};

  define({ TextEncoder, TextDecoder, structuredClone, URL, URLSearchParams, console });
})()
