// baresip as the telephone: somebody else's complete SIP and RTP stack, steered through its control port.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { eventually, Program } from './program.ts';
import { tones, writeTone } from './tone.ts';
import { readWav, type Sound } from './wav.ts';

interface Event {
  event?: boolean;
  type?: string;
  param?: string;
}

export interface BaresipOptions {
  /** G.722 by the rate of its sound, which is not that of its RTP clock. */
  codec?: 'PCMA/8000/1' | 'PCMU/8000/1' | 'G722/16000/1';
  hz?: number;
  /** The line that it is: it signs on there. Over TLS its sound must be encrypted. */
  line?: { number: string; password: string; server: string; transport: 'udp' | 'tcp' | 'tls' };
}

export class Baresip {
  /** What has happened, by baresip's names: CALL_ESTABLISHED, CALL_CLOSED… */
  readonly events: Event[] = [];
  #buffer = Buffer.alloc(0);

  private constructor(
    readonly program: Program,
    readonly control: Socket,
    readonly folder: string,
    readonly sipPort: number,
    /** The first of its ten RTP ports. */
    readonly rtpPort: number,
  ) {
    control.on('data', (data: Buffer) => this.#read(data));
    control.on('error', () => undefined);
  }

  static async start(parent: string, options: BaresipOptions = {}): Promise<Baresip> {
    const { codec = 'PCMA/8000/1', hz = tones.caller } = options;
    const folder = join(parent, 'baresip');
    mkdirSync(folder, { recursive: true });
    // The port after the one of SIP is taken by baresip for TLS.
    const sip = await freePorts(4);
    const rtp = await freePorts(10);
    const rate = Number(codec.split('/')[1]);
    const tone = writeTone(join(folder, 'tone.wav'), hz, { rate, seconds: 60 });
    writeFileSync(join(folder, 'config'), configuration({ sip, control: sip + 2, rtp, tone, rate }));
    const { line } = options;
    const sound = `audio_codecs=${codec};ptime=20${line?.transport === 'tls' ? ';mediaenc=srtp-mand' : ''}`;
    const account = line === undefined
      ? `<sip:+33198765432@127.0.0.1>;regint=0;${sound}\n`
      : `<sip:${line.number}@${line.server};transport=${line.transport}>;auth_pass=${line.password};regint=60;${sound}\n`;
    writeFileSync(join(folder, 'accounts'), account);
    writeFileSync(join(folder, 'contacts'), '');
    const program = new Program('baresip', ['-f', folder], { cwd: folder });
    await program.prints(/baresip is ready/);
    const control = connect(sip + 2, '127.0.0.1');
    await new Promise((resolve, reject) => control.once('connect', resolve).once('error', reject));
    return new Baresip(program, control, folder, sip, rtp);
  }

  dial(uri: string): void {
    this.#command('dial', uri);
  }

  press(key: string): void {
    this.#command('sndcode', key);
  }

  /** Takes the call that rings. */
  accept(): void {
    this.#command('accept');
  }

  hold(): void {
    this.#command('hold');
  }

  resume(): void {
    this.#command('resume');
  }

  hangUp(): void {
    this.#command('hangup');
  }

  /** Waits for an event and returns its parameter. */
  async happens(type: string, patience = 30_000): Promise<string> {
    return eventually(`baresip says ${type}`, () => {
      const found = this.events.find((one) => one.type === type);
      return found === undefined ? undefined : (found.param ?? '');
    }, patience);
  }

  /** What it has heard; complete once the call is over. */
  heard(): Sound {
    const file = readdirSync(this.folder).find((name) => name.endsWith('-dec.wav'));
    if (file === undefined) {
      throw new Error('baresip has recorded nothing');
    }
    return readWav(join(this.folder, file));
  }

  async stop(): Promise<void> {
    this.#command('quit');
    await this.program.stop(15_000);
    this.control.destroy();
  }

  #command(command: string, params = ''): void {
    const json = JSON.stringify({ command, params });
    this.control.write(`${Buffer.byteLength(json)}:${json},`);
  }

  /** Takes netstrings apart: LENGTH:JSON, */
  #read(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      const length = Number(this.#buffer.toString('latin1', 0, colon));
      if (colon < 0 || this.#buffer.length < colon + 2 + length) {
        return;
      }
      this.events.push(JSON.parse(this.#buffer.toString('utf8', colon + 1, colon + 1 + length)) as Event);
      this.#buffer = this.#buffer.subarray(colon + 2 + length);
    }
  }
}

/** The recordings go to the working directory: baresip cuts the names of files short that have a long path. */
function configuration(of: { sip: number; control: number; rtp: number; tone: string; rate: number }): string {
  return `
poll_method epoll
sip_listen 127.0.0.1:${of.sip}
sip_verify_server no
ctrl_tcp_listen 127.0.0.1:${of.control}
rtp_ports ${of.rtp}-${of.rtp + 9}
audio_source aufile,${of.tone}
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
ausrc_srate ${of.rate}
auplay_srate ${of.rate}
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
snd_path .
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module srtp.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
`;
}
