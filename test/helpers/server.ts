// A Carillon server of its own for a test: an empty store in a folder of the test, free ports, the demo set.

import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { freePorts } from './ports.ts';
import { eventually, Program } from './program.ts';

/** The binary under test. */
export const binary = resolve(import.meta.dirname, process.env['CARILLON_BINARY'] ?? '../../carillon');

/** Password of admin, alice and bob. */
export const password = 'correct horse battery staple';

const rtpPorts = 120;

export type Store = 'sqlite' | 'mongodb';

export class Carillon {
  readonly http: string;
  readonly password = password;
  #program: Program;

  private constructor(
    readonly httpPort: number,
    readonly sipPort: number,
    readonly webrtcPort: number,
    readonly rtpPort: number,
    readonly data: string,
    readonly environment: Record<string, string>,
  ) {
    this.http = `http://127.0.0.1:${httpPort}`;
    this.#program = this.#run();
  }

  /** Starts a server with its data in the folder and waits until it takes calls. */
  static async start(folder: string, options: { store?: Store; environment?: Record<string, string> } = {}): Promise<Carillon> {
    if (!existsSync(binary)) {
      throw new Error(`${binary} is missing: build it first (make build)`);
    }
    const data = join(folder, 'data');
    mkdirSync(data, { recursive: true });
    const http = await freePorts(2);
    const sip = await freePorts(2);
    const webrtc = await freePorts(2);
    const rtp = await freePorts(rtpPorts);
    const carillon = new Carillon(http, sip, webrtc, rtp, data, {
      CARILLON_DATA: data,
      CARILLON_HTTP: `127.0.0.1:${http}`,
      CARILLON_SIP: `127.0.0.1:${sip}`,
      CARILLON_SIP_TLS: `127.0.0.1:${sip + 1}`,
      CARILLON_WEBRTC_PORT: String(webrtc),
      CARILLON_RTP_PORTS: `${rtp}-${rtp + rtpPorts - 1}`,
      CARILLON_PUBLIC_IP: '127.0.0.1',
      CARILLON_ADMIN_PASSWORD: password,
      CARILLON_LOG: 'debug',
      ...storeEnvironment(options.store ?? 'sqlite', sip),
      ...options.environment,
    });
    await carillon.#ready();
    return carillon;
  }

  /** What to call: a user part of the demo set. */
  uri(user = '1000'): string {
    return `sip:${user}@127.0.0.1:${this.sipPort}`;
  }

  /** Where telephones reach it over a transport. */
  address(transport: 'udp' | 'tcp' | 'tls'): string {
    return `127.0.0.1:${transport === 'tls' ? this.sipPort + 1 : this.sipPort}`;
  }

  /** Everything it has logged since it was last started. */
  get log(): string {
    return this.#program.stdout + this.#program.stderr;
  }

  get running(): boolean {
    return !this.#program.over;
  }

  /** Ends the server as a power cut would. */
  async kill(): Promise<void> {
    this.#program.signal('SIGKILL');
    await this.#program.ended;
  }

  /** Starts it again on the same ports and the same data. */
  async restart(): Promise<void> {
    await this.stop();
    this.#program = this.#run();
    await this.#ready();
  }

  async stop(): Promise<void> {
    // The second signal ends it at once, with its records closed: a test does not wait for running calls.
    this.#program.signal('SIGTERM');
    await this.#program.stop();
  }

  #run(): Program {
    return new Program(binary, ['serve', '--demo'], { env: this.environment, cwd: this.data });
  }

  async #ready(): Promise<void> {
    await eventually('the server is ready', async () => {
      if (this.#program.over) {
        throw new Error(`the server ended at once:\n${this.#program.output()}`);
      }
      const answer = await fetch(`${this.http}/readyz`).catch(() => undefined);
      return answer?.ok ? true : undefined;
    }, 60_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#program.output()}`);
    });
  }
}

function storeEnvironment(store: Store, unique: number): Record<string, string> {
  if (store === 'sqlite') {
    return {};
  }
  const uri = process.env['CARILLON_TEST_MONGO'];
  if (!uri) {
    throw new Error('a test on MongoDB needs CARILLON_TEST_MONGO');
  }
  const own = new URL(uri);
  own.pathname = `/e2e_${process.pid}_${unique}_${Date.now()}`;
  return { CARILLON_STORE: own.toString() };
}
