// Ports for the servers and telephones of one Playwright worker. Each worker has a block of its own below the range
// from which the system hands out ports by itself, so that workers do not collide; each port is tried before it is given.

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const firstPort = 17_000;
const blockSize = 1_500;
const blocks = 10;

const worker = Number(process.env['TEST_PARALLEL_INDEX'] ?? '0') % blocks;
const start = firstPort + worker * blockSize;
let next = 0;

/** The first of several free ports in a row, even-numbered, free for TCP and UDP on the loopback address. */
export async function freePorts(count = 1): Promise<number> {
  for (let tries = 0; tries < blockSize; tries++) {
    next += next % 2;
    if (next + count > blockSize) {
      next = 0;
    }
    const first = start + next;
    next += count;
    if (await allFree(first, count)) {
      return first;
    }
  }
  throw new Error(`no ${count} free ports in ${start}-${start + blockSize - 1}`);
}

async function allFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port++) {
    if (!(await udpFree(port)) || !(await tcpFree(port))) {
      return false;
    }
  }
  return true;
}

function udpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}

function tcpFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
