// When something stood still: this process, the server or a page. Whatever has to happen within milliseconds, or all the
// time, fails then too, and that says nothing about the program.

/** Milliseconds that are noticed. An idle machine has none so long. */
const noticeable = 140;

interface Stall {
  from: number;
  to: number;
}

const seen: Stall[] = [];
/** Those of this process, which does nothing but wait: the machine's. */
const machine: Stall[] = [];

/** Notes that something happened at a time and then not before another, milliseconds since 1970, if that is long. */
export function note(from: number, to: number): void {
  if (to - from > noticeable) {
    seen.push({ from, to });
  }
}

let ticked = Date.now();
setInterval(() => {
  const now = Date.now();
  note(ticked, now);
  if (seen.at(-1)?.to === now) {
    machine.push({ from: ticked, to: now });
  }
  ticked = now;
}, 20).unref();

/** Asks a server for a sign of life all the time; what is returned ends that. */
export function watch(url: string): () => void {
  let over = false;
  const ask = async (): Promise<void> => {
    for (let last = Date.now(); !over; last = Date.now()) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      await fetch(url).then((answer) => answer.arrayBuffer()).catch(() => undefined);
      note(last, Date.now());
    }
  };
  void ask();
  return () => {
    over = true;
  };
}

/** The longest time for which something stood still since a time, milliseconds. */
export function longestStall(since: number): number {
  return Math.max(0, ...seen.filter((one) => one.to > since).map((one) => one.to - one.from));
}

/** Waits until nothing has stood still for some time (milliseconds); goes on all the same on a machine that never rests. */
export async function calm(milliseconds: number): Promise<void> {
  for (const late = Date.now() + 20_000; Date.now() < late && longestStall(Date.now() - milliseconds) > 0; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Milliseconds from one time to another, without those in which the machine stood still. */
export function took(from: number, to: number): number {
  const stood = machine.map((one) => Math.max(0, Math.min(one.to, to) - Math.max(one.from, from)));
  return to - from - stood.reduce((sum, one) => sum + one, 0);
}

/** How often a measurement may fail while everything moved, and how long it is taken again while something did not. */
const unexplained = 4;
const patience = 120_000;

/** Takes a measurement again when it fails, with the number of the attempt, 1 and on. What is broken fails every time. */
export async function measured<T>(measure: (attempt: number) => Promise<T>): Promise<T> {
  const began = Date.now();
  let failures = 0;
  for (let attempt = 1; ; attempt++) {
    const from = Date.now();
    try {
      return await measure(attempt);
    } catch (error) {
      const stall = longestStall(from);
      failures += stall === 0 ? 1 : 0;
      if (failures >= unexplained || Date.now() - began > patience) {
        throw error;
      }
      console.log(`measured again, as something stood still for ${stall} ms: ${String(error)}`);
    }
  }
}
