// SIPp as the telephone: a scenario of test/sipp with a tone for a voice.

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePorts } from './ports.ts';
import { Program } from './program.ts';
import { rtpCapture } from './rtp.ts';
import { tones, writeALawTone } from './tone.ts';

/**
 * What a scenario does not wait for is passed over: a machine that stands still has messages sent twice. What it waits for
 * must come. Nor does SIPp give up because it stood still itself.
 */
const patient = ['-default_behaviors', 'all,-abortunexp', '-watchdog_interval', '0'];

/** A file of test/sipp, without its ending. */
export type Scenario = 'caller-pcma-info' | 'caller-pcmu-rfc4733';

export interface SippOptions {
  /** Milliseconds that a scenario which hangs up itself stays in the call. */
  stay?: number;
  /** When the scenario with RFC 4733 presses its key, seconds after the answer. */
  keyAt?: number;
  caller?: string;
}

export class Sipp {
  private constructor(
    readonly program: Program,
    /** The port that Carillon sends its RTP to. */
    readonly mediaPort: number,
    readonly sipPort: number,
  ) {}

  /** Calls sip:1000 at the port; the folder takes the files of the call. */
  static async call(scenario: Scenario, serverPort: number, folder: string, options: SippOptions = {}): Promise<Sipp> {
    const { stay = 15_000, keyAt = 3, caller = '+33123456789' } = options;
    writeALawTone(join(folder, 'tone.alaw'), tones.caller, 10);
    writeFileSync(join(folder, 'tone-and-key.pcap'), rtpCapture({ hz: tones.caller, seconds: stay / 1000, key: 2, keyAt }));
    const sip = await freePorts(2);
    const media = await freePorts(4);
    const program = new Program(
      'sipp',
      [
        `127.0.0.1:${serverPort}`,
        ...['-sf', resolve(import.meta.dirname, '../sipp', `${scenario}.xml`)],
        ...['-s', '1000', '-key', 'caller', caller],
        ...['-i', '127.0.0.1', '-p', String(sip), '-mi', '127.0.0.1', '-mp', String(media)],
        ...['-m', '1', '-d', String(stay), '-timeout', '110', '-timeout_error', '-nostdin'],
        ...patient,
        ...['-trace_err', '-error_file', join(folder, 'sipp-errors.log')],
        ...['-trace_msg', '-message_file', join(folder, 'sipp-messages.log')],
      ],
      { cwd: folder },
    );
    return new Sipp(program, media, sip);
  }

  /** Answers calls, and whoever asks whether it is there; the folder takes the files. */
  static async answers(folder: string): Promise<Sipp> {
    writeALawTone(join(folder, 'tone.alaw'), tones.caller, 10);
    const sip = await freePorts(2);
    const media = await freePorts(4);
    const program = new Program(
      'sipp',
      [
        ...['-sf', resolve(import.meta.dirname, '../sipp', 'callee-pcma.xml')],
        ...['-i', '127.0.0.1', '-p', String(sip), '-mi', '127.0.0.1', '-mp', String(media)],
        ...['-nostdin', '-trace_msg', '-message_file', join(folder, 'callee-messages.log')],
        ...patient,
      ],
      { cwd: folder },
    );
    return new Sipp(program, media, sip);
  }

  /** Waits for the end and fails unless every message came as the scenario says. */
  async succeeds(): Promise<void> {
    const { status } = await this.program.ended;
    if (status !== 0) {
      throw new Error(`the scenario did not go as written (status ${status}):\n${this.program.output()}`);
    }
  }

  async stop(): Promise<void> {
    await this.program.stop(2_000, 'SIGKILL');
  }
}
