// Prints the outcomes in Node: reads {"scope": {…}, "texts": […]} and writes a list of [value] or {"throws": name}.
import { readFileSync } from 'node:fs';

const { scope, texts } = JSON.parse(readFileSync(0, 'utf8'));
const AsyncFunction = (async () => {}).constructor;

async function answer(text) {
  const names = Object.keys(scope);
  const values = Object.values(structuredClone(scope));
  try {
    let run;
    try {
      run = new AsyncFunction(...names, `return (\n${text}\n)`);
    } catch {
      run = new AsyncFunction(...names, text);
    }
    return [JSON.parse(JSON.stringify((await run(...values)) ?? null) ?? 'null')];
  } catch (error) {
    return { throws: error.name };
  }
}

for (const name of Object.keys(console)) console[name] = () => {};
const answers = [];
for (const text of texts) answers.push(await answer(text));
process.stdout.write(JSON.stringify(answers));
