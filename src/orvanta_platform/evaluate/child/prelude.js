// Evaluated first in every context. Its value is the function `step`: called with a request, it evaluates it; called
// without one, it returns how a promise has settled. The answer is JSON text, or null while a promise is pending.
(() => {
  'use strict';
  const { stringify } = JSON;
  const { getOwnPropertyNames, hasOwn } = Object;
  const { apply, construct } = Reflect;
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
  let needed = null;

  // Time and random numbers come only from the request. Handlers of proxies have no prototype, so that properties
  // which an expression adds to Object.prototype do not become traps.
  for (const name of ['performance', 'WeakRef', 'FinalizationRegistry']) delete globalThis[name];
  for (const name of ['prepareStackTrace', 'captureStackTrace', 'stackTraceLimit']) delete Error[name];

  const fixTime = (at) => {
    const fixed = new Proxy(Native, {
      __proto__: null,
      apply: () => new Native(at).toString(),
      construct: (target, values, maker) => construct(target, values.length ? values : [at], maker),
    });
    Native.now = () => at;
    Native.prototype.constructor = fixed;
    Object.defineProperty(globalThis, 'Date', { value: fixed, writable: true, configurable: true });
  };

  // sfc32 by Chris Doty-Humphrey (public domain), 53 bits per number.
  const fixRandom = ([a, b, c, d]) => {
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

  // The engine throws null if there is no memory left for an error.
  const restoreError = (thrown, source) => (thrown === null && !/throw|reject/.test(source) ? OUT_OF_MEMORY : thrown);

  // An unknown node's result is null, not undefined.
  const nullable = (results) =>
    new Proxy(results, {
      __proto__: null,
      get: (target, key) => (key in target || typeof key === 'symbol' ? target[key] : null),
    });

  const opener = (kind, opened) => (path) => {
    if (typeof path !== 'string') throw new TypeError(`${kind}() requires a path, which must be a string`);
    const found = hasOwn(opened[kind], path) ? opened[kind][path] : undefined;
    if (found === undefined) {
      needed ??= [kind, path];
      throw new Error(`${kind} ${path} is not known yet`);
    }
    if (!hasOwn(found, 'error')) return found.value;
    const error = new Error(found.error.message);
    error.name = found.error.name;
    throw error;
  };

  // The function of intl.js reads the data of locales and time zones, which are null if there are none.
  const installIntl = (opened) => {
    const install = globalThis.orvantaIntl;
    delete globalThis.orvantaIntl;
    install?.((kind, name) => {
      if (hasOwn(opened[kind], name)) return opened[kind][name].value;
      needed ??= [kind, name];
      throw new Error(`${kind} ${name} is not known yet`);
    });
  };

  // The names of the scope are parameters of an outer function, so that the text may declare the same names.
  // Each text must compile in two contexts, since brackets in the text could close one of them early.
  const asExpression = (Maker, names, word, source) => {
    const compiled = new SyncFunction(...names, `return (${word}function () { return (\n${source}\n) })`);
    new Maker(...names, `[${source}\n]`);
    return compiled;
  };
  const asBody = (Maker, names, word, source) => {
    const compiled = new SyncFunction(...names, `return (${word}function () {\n${source}\n})`);
    new Maker(...names, `${word}function f() {\n${source}\n}`);
    return compiled;
  };

  // Whether only semicolons, white space and comments follow.
  const IGNORED = /[\s;]+|\/\/[^\n\r\u2028\u2029]*/y;
  const isEnd = (source, from) => {
    let at = from;
    while (at < source.length) {
      IGNORED.lastIndex = at;
      const closed = source.startsWith('/*', at) ? source.indexOf('*/', at + 2) : -1;
      if (closed >= 0) at = closed + 2;
      else if (IGNORED.test(source)) at = IGNORED.lastIndex;
      else return false;
    }
    return true;
  };

  // Semicolons after an expression belong to it. One in a string or a comment may look like that, hence the attempts.
  const asTerminated = (Maker, names, word, source) => {
    for (let at = source.indexOf(';'); at >= 0; at = source.indexOf(';', at + 1)) {
      try {
        if (isEnd(source, at)) return asExpression(Maker, names, word, source.slice(0, at));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    throw new SyntaxError('not an expression followed by a semicolon');
  };

  // Workflows of 2022 begin expressions with an import of the scope, whose names are in scope anyway.
  const IMPORT = /^\s*import\s*\{[^}]*\}\s*from\s*(?:'windmill[^'\n]*'|"windmill[^"\n]*")\s*;?/;
  const withoutImport = (source) =>
    apply(replace, source, [IMPORT, (found) => apply(replace, found, [/[^\n]+/g, ''])]);

  // `await` may be a plain name or part of a string, so the text is also compiled as a sync function.
  const compile = (names, written) => {
    const source = withoutImport(written);
    const makers = source.includes('await') ? [[AsyncFunction, 'async '], [SyncFunction, '']] : [[SyncFunction, '']];
    const isObject = /^\s*\{/.test(source);
    let fault;
    for (const [Maker, word] of makers) {
      for (const read of [asExpression, asTerminated, asBody]) {
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

  // This engine words the message differently from most engines and from the small interpreter.
  const reword = (message) =>
    apply(replace, message, [/^cannot read property '([^]*)' of (null|undefined)$/, "Cannot read properties of $2 (reading '$1')"]);

  const describe = (thrown) => {
    let name = 'Error';
    let message = 'the thrown value cannot be displayed';
    try {
      const isObject = typeof thrown === 'object' && thrown !== null;
      message = (isObject && !(thrown instanceof Thrown) && stringify(thrown)) || text(isObject ? thrown.message : thrown);
      if (isObject && thrown.name !== undefined) name = text(thrown.name);
      message = reword(message);
    } catch {}
    return { __proto__: null, name, message };
  };

  // An answer is a single stringify result: a concatenated string would be a rope, which cannot be returned.
  const need = () => stringify({ __proto__: null, need: needed });
  const failed = (thrown) => (needed ? need() : stringify({ __proto__: null, error: describe(thrown) }));
  const succeeded = (value) => {
    try {
      const answer = stringify({ __proto__: null, truthy: value ? true : false, value });
      return needed ? need() : answer;
    } catch (thrown) {
      return failed(thrown);
    }
  };

  const finish = (value) => {
    if (!(value instanceof Promised)) return succeeded(value);
    apply(then, value, [(result) => (answer = succeeded(result)), (thrown) => (answer = failed(thrown))]);
    return answer;
  };

  // Compiling runs nothing, so one context checks many texts. Errors other than syntax errors end the request.
  const faultOf = (source) => {
    try {
      compile(['variable', 'resource'], source);
      return null;
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw restoreError(thrown, source);
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
    const names = ['variable', 'resource', ...getOwnPropertyNames(scope)];
    const values = [opener('variable', opened), opener('resource', opened)];
    for (const name of names.slice(2)) values.push(name === 'results' ? nullable(scope[name]) : scope[name]);
    try {
      const outer = compile(names, source);
      installIntl(opened);
      fixTime(at);
      fixRandom(seed);
      return finish(apply(apply(outer, undefined, values), undefined, []));
    } catch (thrown) {
      return failed(restoreError(thrown, source));
    }
  };

  return (request) => {
    if (request === undefined) return answer;
    return request.check ? check(request.check) : evaluate(request);
  };
})()
