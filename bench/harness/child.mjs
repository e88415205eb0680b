// A contender in a process of its own that takes orders on stdin and answers each with one line of JSON on stdout,
// so that its peak memory is its own. The first line it writes says that it is ready.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { peakMemory, processorSeconds } from './environment.mjs';

export class Child {
  #process;
  #answers;
  #errors = '';
  #exit;

  /** Starts it; resolves once it is ready. */
  static async start(command, args, options = {}) {
    const child = new Child(command, args, options);
    await child.#answer();
    return child;
  }

  constructor(command, args, options) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.#process.stderr.on('data', (data) => {
      this.#errors = `${this.#errors}${data}`.slice(-2000);
    });
    this.#process.stdin.on('error', () => {});
    this.#exit = new Promise((resolve) => {
      this.#process.on('error', (error) => resolve(error.message));
      this.#process.on('exit', (code, signal) => resolve(`it ended (${signal ?? code})`));
    });
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  get pid() {
    return this.#process.pid;
  }

  /** Sends a line that has no answer. */
  tell(line) {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Sends a line and waits for its answer. */
  ask(line) {
    this.tell(line);
    return this.#answer();
  }

  /** Peak resident memory so far, in bytes. */
  peakMemory() {
    return peakMemory(this.pid);
  }

  /** Processor time so far, in seconds. */
  processorSeconds() {
    return processorSeconds(this.pid);
  }

  async stop() {
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000);
    await this.#exit;
    clearTimeout(timer);
  }

  /** Ends it at once; what it was asked fails. */
  kill() {
    this.#process.kill('SIGKILL');
  }

  async #answer() {
    const line = await this.#answers.next();
    if (line.done) throw new Error(`${this.#process.spawnfile}: ${await this.#exit}: ${this.#errors.trim()}`);
    const answer = JSON.parse(line.value);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}
