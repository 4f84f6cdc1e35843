// A real centre for the time of a check: the program that is shipped, a data folder of its own, a free loopback port.

import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);
const START = 60_000; // a slow machine builds a data folder in a few seconds; this is only for one that hangs
const here = path.dirname(fileURLToPath(import.meta.url));

export class Centre {
  // start resolves when the centre listens; bin is the path of the thonsync program.
  static async start(bin) {
    const centre = new Centre(path.resolve(bin), fs.mkdtempSync(path.join(os.tmpdir(), 'thonsync-check-')));
    process.once('exit', () => centre.#sweep());
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
    try {
      await centre.#listen();
    } catch (error) {
      await centre.stop();
      throw error;
    }
    return centre;
  }

  constructor(bin, folder) {
    this.bin = bin;
    this.folder = folder;
    this.data = path.join(folder, 'data');
    this.log = [];
  }

  async #listen() {
    fs.mkdirSync(this.data, { mode: 0o700 });
    this.child = spawn(this.bin, ['serve', '--data', this.data, '--listen', '127.0.0.1:0', '--log-format', 'json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve(`ended with ${signal ?? code}`));
      this.child.once('error', (error) => resolve(`did not start: ${error.message}`));
    });
    const listening = Promise.any([this.child.stdout, this.child.stderr].map((stream) => this.#watch(stream)));
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('does not listen')), START)));
    try {
      const ended = this.ended.then((how) => Promise.reject(new Error(how)));
      await Promise.race([listening, ended, late]);
    } catch (error) {
      throw new Error(`${this.bin} serve ${error.message}\n${this.log.join('\n')}`);
    } finally {
      clearTimeout(timer);
    }
  }

  // watch keeps the program's lines and resolves when one says that it serves.
  #watch(stream) {
    return new Promise((resolve, reject) => {
      const lines = readline.createInterface({ input: stream });
      lines.on('line', (line) => {
        this.log.push(line);
        if (line.includes('"msg":"serving"')) resolve(line);
      });
      lines.once('close', () => reject(new Error('closed')));
    });
  }

  // command runs a command of the program on this data folder and gives what it prints.
  async command(...args) {
    try {
      const { stdout } = await run(this.bin, [...args, '--data', this.data], { maxBuffer: 1 << 26 });
      return stdout;
    } catch (error) {
      throw new Error(`thonsync ${args.join(' ')} failed: ${error.stderr || error.message}`);
    }
  }

  async json(...args) {
    return JSON.parse(await this.command(...args, '--json'));
  }

  // table runs a report and gives its rows as objects.
  async table(...args) {
    const { columns, rows } = await this.json('report', ...args);
    return rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i].name, value])));
  }

  importInvented(what, file) {
    return this.json('import', what, path.join(here, 'invented', file));
  }

  exports = 0; // an export never overwrites a file

  async exported(recipient) {
    const out = path.join(this.folder, `export-${++this.exports}.json`);
    await this.command('export', 'activities', out, '--format', 'json', `--with-personal=${recipient}`);
    return fs.readFileSync(out, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  async stop() {
    this.#kill();
    await this.ended;
    this.#sweep();
  }

  #kill() {
    if (this.child?.pid && this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
  }

  // sweep leaves nothing behind, however the check ends.
  #sweep() {
    this.#kill();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
