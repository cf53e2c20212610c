// What went over the wire, with times: packets on the loopback device as dumpcap saw them. Used to hear what a telephone
// that cannot record was sent, and to know when exactly a caller hung up.

import { readFileSync } from 'node:fs';
import { fromALaw, fromMuLaw, type Sound } from './wav.ts';
import { pause, Program } from './program.ts';

export interface Datagram {
  /** Milliseconds since 1970, with fractions. */
  time: number;
  sourcePort: number;
  destinationPort: number;
  payload: Buffer;
}

export class Capture {
  readonly #program: Program;

  private constructor(
    readonly path: string,
    filter: string,
  ) {
    this.#program = new Program('dumpcap', ['-q', '-P', '-i', 'lo', '-f', filter, '-w', path]);
  }

  /** Starts to capture what the filter (as of tcpdump) lets through. */
  static async start(path: string, filter: string): Promise<Capture> {
    const capture = new Capture(path, filter);
    await capture.#program.prints(/File: /);
    return capture;
  }

  /** Ends the capture and returns its UDP datagrams. */
  async stop(): Promise<Datagram[]> {
    // The kernel hands packets over in blocks, half a second late at most; what is still there at the end is lost.
    await pause(700);
    await this.end();
    return readPcap(this.path);
  }

  /** Ends the capture. */
  async end(): Promise<void> {
    await this.#program.stop(10_000, 'SIGINT');
  }
}

/** The time of the first SIP request of a method, milliseconds since 1970. */
export function timeOfRequest(datagrams: Datagram[], method: string): number {
  const found = datagrams.find((one) => one.payload.toString('latin1', 0, method.length + 5) === `${method} sip:`);
  if (found === undefined) {
    throw new Error(`no ${method} among ${datagrams.length} datagrams`);
  }
  return found.time;
}

/** The audio of the G.711 packets sent to a port, in the order of their arrival. */
export function audioTo(datagrams: Datagram[], port: number): Sound {
  const samples: number[] = [];
  for (const { destinationPort, payload } of datagrams) {
    const law = payload.length > 12 ? [fromMuLaw, , , , , , , , fromALaw][(payload[1] ?? 0) & 0x7f] : undefined;
    if (destinationPort === port && law !== undefined) {
      for (const byte of payload.subarray(12)) {
        samples.push(law(byte));
      }
    }
  }
  return { rate: 8000, channels: [Float32Array.from(samples)] };
}

function readPcap(path: string): Datagram[] {
  const file = readFileSync(path);
  if (file.length < 24 || file.readUInt32LE(0) !== 0xa1b2c3d4) {
    throw new Error(`${path} is not a capture in pcap format`);
  }
  const datagrams: Datagram[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const time = file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / 1000;
    const length = file.readUInt32LE(at + 8);
    const datagram = readUDP(file.subarray(at + 16, at + 16 + length), time);
    if (datagram !== undefined) {
      datagrams.push(datagram);
    }
    at += 16 + length;
  }
  return datagrams;
}

/** An Ethernet frame with IPv4 and UDP; anything else is undefined. */
function readUDP(frame: Buffer, time: number): Datagram | undefined {
  const ip = frame.subarray(14);
  if (frame.length < 42 || frame.readUInt16BE(12) !== 0x0800 || ip[9] !== 17) {
    return undefined;
  }
  const udp = ip.subarray(((ip[0] ?? 0) & 15) * 4);
  return {
    time,
    sourcePort: udp.readUInt16BE(0),
    destinationPort: udp.readUInt16BE(2),
    payload: udp.subarray(8, udp.readUInt16BE(4)),
  };
}
