// The second client of Thonsync, written from PROTOCOL.md alone: it runs every vector, and then joins a real centre and
// delivers a record. See README.md.
//
//	node testdata/jsclient/check.mjs [--bin PATH] [--vectors-only]

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Story } from './live/story.mjs';
import { vectorTests } from './vectors/all.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const count = { passed: 0, failed: 0 };

async function run({ name, run: test }, prefix) {
  try {
    await test();
    count.passed++;
    return true;
  } catch (error) {
    count.failed++;
    console.log(`FAILED ${prefix}${name}\n  ${String(error?.stack ?? error).replaceAll('\n', '\n  ')}`);
    return false;
  }
}

function options(args) {
  const chosen = { bin: path.join('bin', 'thonsync'), live: true };
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--bin' && i + 1 < args.length) chosen.bin = args[++i];
    else if (args[i] === '--vectors-only') chosen.live = false;
    else throw new Error(`unknown option ${args[i]}; known are --bin PATH and --vectors-only`);
  }
  return chosen;
}

async function runVectors() {
  for (const { layer, tests } of vectorTests(path.join(here, '..', 'vectors'))) {
    let passed = 0;
    for (const test of tests) if (await run(test, '')) passed++;
    console.log(`${layer.padEnd(12)} ${String(passed).padStart(5)} of ${tests.length}`);
  }
}

// runLive tells the story; a step that fails fails those after it, which build on it.
async function runLive(bin) {
  const story = new Story(bin);
  const steps = story.steps();
  let passed = 0;
  try {
    for (const step of steps) {
      if (!(await run(step, 'live: '))) break;
      passed++;
    }
  } finally {
    await story.stop();
  }
  const missed = Math.max(0, steps.length - passed - 1);
  count.failed += missed;
  if (missed) console.log(`FAILED live: ${missed} steps after it were not reached`);
  console.log(`${'live'.padEnd(12)} ${String(passed).padStart(5)} of ${steps.length}`);
}

const chosen = options(process.argv.slice(2));
await runVectors();
if (chosen.live) await runLive(chosen.bin);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed === 0 ? 0 : 1;
