// The telephone that Carillon brings along: `carillon call`.

import { binary } from './server.ts';
import { Program } from './program.ts';

/** What `carillon call` prints when the call is over. */
export interface CallResult {
  answered: boolean;
  [field: string]: unknown;
}

export interface CallOptions {
  from?: string;
  /** Frequency of the caller's voice. */
  tone?: number;
  play?: string;
  /** Keys and their times after the answer, such as 2@4s. */
  keys?: string;
  /** Where to write what the caller hears. */
  record?: string;
  hangUpAfter?: string;
}

export class Phone {
  readonly #program: Program;

  constructor(uri: string, options: CallOptions = {}) {
    const args = ['call', uri];
    const flags: [string, string | number | undefined][] = [
      ['--from', options.from],
      ['--tone', options.tone],
      ['--play', options.play],
      ['--keys', options.keys],
      ['--record', options.record],
      ['--hangup-after', options.hangUpAfter],
    ];
    for (const [flag, value] of flags) {
      if (value !== undefined) {
        args.push(flag, String(value));
      }
    }
    this.#program = new Program(binary, args);
  }

  get over(): boolean {
    return this.#program.over;
  }

  /** Ends the call from the caller's side and says how it went. */
  async hangUp(): Promise<CallResult> {
    this.#program.signal('SIGINT');
    return this.result();
  }

  /** Waits for the end of the call. */
  async result(): Promise<CallResult> {
    const { status } = await this.#program.ended;
    let result: CallResult;
    try {
      result = JSON.parse(this.#program.stdout) as CallResult;
    } catch {
      throw new Error(`carillon call ended with ${status} and did not print one JSON object:\n${this.#program.output()}`);
    }
    if ((status === 0) !== result.answered) {
      throw new Error(`carillon call ended with ${status}, and says answered: ${result.answered}`);
    }
    return result;
  }

  async stop(): Promise<void> {
    await this.#program.stop(15_000, 'SIGINT');
  }
}
