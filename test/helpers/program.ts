// A program run by a test: its output is kept, it ends with the test, and its end can be waited for.

import { type ChildProcess, spawn } from 'node:child_process';

export interface Ended {
  /** Exit status, null when a signal ended the program. */
  status: number | null;
  signal: NodeJS.Signals | null;
}

export class Program {
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #child: ChildProcess;
  #over = false;

  constructor(
    readonly name: string,
    args: string[],
    options: { env?: Record<string, string>; cwd?: string } = {},
  ) {
    this.#child = spawn(name, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (data: Buffer) => (this.stdout += data.toString()));
    this.#child.stderr?.on('data', (data: Buffer) => (this.stderr += data.toString()));
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#over = true;
        this.stderr += `\n${error.message}`;
        resolve({ status: -1, signal: null });
      });
      // "close" and not "exit": all output has arrived then.
      this.#child.once('close', (status, signal) => {
        this.#over = true;
        resolve({ status, signal });
      });
    });
  }

  get over(): boolean {
    return this.#over;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#over) {
      this.#child.kill(signal);
    }
  }

  /** Asks the program to end, and ends it when it has not obeyed after some time (milliseconds). */
  async stop(patience = 10_000, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal('SIGKILL'), patience);
    const ended = await this.ended;
    clearTimeout(timer);
    return ended;
  }

  /** Waits until the output (both kinds) matches, milliseconds at most. */
  async prints(pattern: RegExp, patience = 30_000): Promise<RegExpExecArray> {
    const late = Date.now() + patience;
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr);
      if (match) {
        return match;
      }
      if (this.#over || Date.now() > late) {
        throw new Error(`${this.name} ${this.#over ? 'ended' : 'ran on'} without printing ${pattern}\n${this.output()}`);
      }
      await pause(20);
    }
  }

  /** The end of what the program printed, for a message about a failure. */
  output(): string {
    return `${this.stdout.slice(-4_000)}\n${this.stderr.slice(-8_000)}`;
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Asks again every few milliseconds until the answer is not undefined; fails after the patience is over. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined> | T | undefined, patience = 30_000): Promise<T> {
  const late = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    if (Date.now() > late) {
      throw new Error(`waited ${patience} ms in vain: ${what}`);
    }
    await pause(25);
  }
}
