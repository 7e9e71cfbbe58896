// Evaluated first in every context. Its value is the function `step`: given a request it evaluates it; without
// one it says how a promise has settled meanwhile. The answer is JSON text, null while a promise is pending.
(() => {
  'use strict';
  const { stringify } = JSON;
  const { freeze, setPrototypeOf } = Object;
  const { apply, construct } = Reflect;
  const { isArray } = Array;
  const text = String;
  const Native = Date;
  const SyncFunction = Function;
  const AsyncFunction = (async () => {}).constructor;
  const Promised = Promise;
  const Thrown = Error;
  const then = Promise.prototype.then;
  const replace = String.prototype.replace;

  const LINES_BEFORE = 3;
  const OUT_OF_MEMORY = new InternalError('out of memory');

  let answer = null;
  let wanted = null;

  // Time and chance come from the request alone. Handlers of proxies have no prototype: what an expression
  // puts on Object.prototype is no trap of theirs.
  for (const name of ['performance', 'WeakRef', 'FinalizationRegistry']) delete globalThis[name];
  for (const name of ['prepareStackTrace', 'captureStackTrace', 'stackTraceLimit']) delete Error[name];

  const fixTime = (at) => {
    const fixed = new Proxy(Native, {
      __proto__: null,
      apply: () => new Native(at).toString(),
      construct: (target, given, maker) => construct(target, given.length ? given : [at], maker),
    });
    Native.now = () => at;
    Native.prototype.constructor = fixed;
    Object.defineProperty(globalThis, 'Date', { value: fixed, writable: true, configurable: true });
  };

  // sfc32 by Chris Doty-Humphrey (public domain), 53 bits a number.
  const fixChance = ([a, b, c, d]) => {
    const next = () => {
      const sum = (a + b + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = ((c << 21) | (c >>> 11)) + sum | 0;
      return sum >>> 0;
    };
    for (let round = 0; round < 12; round++) next();
    Math.random = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  };

  const harden = (whole) => {
    const pending = [whole];
    while (pending.length) {
      const value = pending.pop();
      if (isArray(value)) {
        for (const each of value) if (each !== null && typeof each === 'object') pending.push(each);
      } else {
        setPrototypeOf(value, null);
        for (const key in value) {
          const each = value[key];
          if (each !== null && typeof each === 'object') pending.push(each);
        }
      }
      freeze(value);
    }
    return whole;
  };

  // Where there is no memory left for an error the engine throws null.
  const lost = (thrown, source) => (thrown === null && !/throw|reject/.test(source) ? OUT_OF_MEMORY : thrown);

  // An unknown node's result is null, not undefined.
  const nullable = (results) =>
    new Proxy(results, {
      __proto__: null,
      get: (target, key) => (key in target || typeof key === 'symbol' ? target[key] : null),
    });

  const opener = (kind, opened) => (path) => {
    if (typeof path !== 'string') throw new TypeError(`${kind}() takes a path, which is a string`);
    const found = opened[kind][path];
    if (found === undefined) {
      wanted ??= [kind, path];
      throw new Error(`${kind} ${path} is not known yet`);
    }
    if (found.error === undefined) return found.value;
    const error = new Error(found.error.message);
    error.name = found.error.name;
    throw error;
  };

  // The names of the scope are parameters of an outer function, so that the text may declare the same names.
  // Each text must fit in two places, since one alone can be closed early by brackets of the text itself.
  const asExpression = (Maker, names, word, source) => {
    const made = new SyncFunction(...names, `return (${word}function () { return (\n${source}\n) })`);
    new Maker(...names, `[${source}\n]`);
    return made;
  };
  const asBody = (Maker, names, word, source) => {
    const made = new SyncFunction(...names, `return (${word}function () {\n${source}\n})`);
    new Maker(...names, `${word}function f() {\n${source}\n}`);
    return made;
  };

  // `await` may be a mere name or stand in a string, so the plain reading comes second.
  const compile = (names, source) => {
    const makers = source.includes('await') ? [[AsyncFunction, 'async '], [SyncFunction, '']] : [[SyncFunction, '']];
    const isObject = /^\s*\{/.test(source);
    let fault;
    for (const [Maker, word] of makers) {
      for (const read of [asExpression, asBody]) {
        try {
          return read(Maker, names, word, source);
        } catch (error) {
          if (!(error instanceof SyntaxError)) throw error;
          if (!(isObject && fault)) fault = error;
        }
      }
    }
    throw located(fault, source);
  };

  const located = (fault, source) => {
    const line = /<input>:(\d+)/.exec(fault.stack)?.[1] - LINES_BEFORE;
    const lines = source.split(/\r\n|[\n\r\u2028\u2029]/).length;
    if (line > lines) return new SyntaxError('unexpected end of the text');
    return lines > 1 && line >= 1 ? new SyntaxError(`${fault.message} (line ${line})`) : fault;
  };

  // The small interpreter words it as most engines do, this engine does not.
  const reworded = (message) =>
    apply(replace, message, [/^cannot read property '([^]*)' of (null|undefined)$/, "Cannot read properties of $2 (reading '$1')"]);

  const describe = (thrown) => {
    let name = 'Error';
    let message = 'something was thrown that cannot be shown';
    try {
      const isObject = typeof thrown === 'object' && thrown !== null;
      message = (isObject && !(thrown instanceof Thrown) && stringify(thrown)) || text(isObject ? thrown.message : thrown);
      if (isObject && thrown.name !== undefined) name = text(thrown.name);
      message = reworded(message);
    } catch {}
    return { __proto__: null, name, message };
  };

  // All of an answer comes out of one stringify: a string put together would be a rope, which cannot leave.
  const need = () => stringify({ __proto__: null, need: wanted });
  const failed = (thrown) => (wanted ? need() : stringify({ __proto__: null, error: describe(thrown) }));
  const succeeded = (value) => {
    try {
      const answer = stringify({ __proto__: null, truthy: value ? true : false, value });
      return wanted ? need() : answer;
    } catch (thrown) {
      return failed(thrown);
    }
  };

  const finish = (value) => {
    if (!(value instanceof Promised)) return succeeded(value);
    apply(then, value, [(result) => (answer = succeeded(result)), (thrown) => (answer = failed(thrown))]);
    return answer;
  };

  // Reading runs nothing, so one context reads many texts. Whatever is no fault of the text ends the request.
  const faultOf = (source) => {
    try {
      compile(['variable', 'resource'], source);
      return null;
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw lost(thrown, source);
      return describe(thrown);
    }
  };

  const check = (sources) => {
    try {
      return succeeded(sources.map(faultOf));
    } catch (thrown) {
      return failed(thrown);
    }
  };

  const evaluate = ({ source, at, seed, scope, opened }) => {
    harden(scope);
    harden(opened);
    const names = ['variable', 'resource', ...Object.getOwnPropertyNames(scope)];
    const values = [opener('variable', opened), opener('resource', opened)];
    for (const name of names.slice(2)) values.push(name === 'results' ? nullable(scope[name]) : scope[name]);
    try {
      const outer = compile(names, source);
      fixTime(at);
      fixChance(seed);
      return finish(apply(apply(outer, undefined, values), undefined, []));
    } catch (thrown) {
      return failed(lost(thrown, source));
    }
  };

  return (request) => {
    if (request === undefined) return answer;
    return request.check ? check(request.check) : evaluate(request);
  };
})()
