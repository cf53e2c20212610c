// What a test starts from: a fresh server, and ways to bring agents, telephones and captures into it. All of it ends with
// the test; when the test fails, the server's log is kept beside the result.

import { mkdirSync, writeFileSync } from 'node:fs';
import { test as base } from '@playwright/test';
import { Agent, type BrowserOptions, openBrowser, signIn } from './agent.ts';
import { Baresip, type BaresipOptions } from './baresip.ts';
import { Capture } from './capture.ts';
import { type CallOptions, Phone } from './phone.ts';
import { Records } from './records.ts';
import { Carillon, type Store } from './server.ts';
import { type Scenario, Sipp, type SippOptions } from './sipp.ts';
import { watch } from './stalls.ts';
import { tones } from './tone.ts';

export interface Scene {
  carillon: Carillon;
  /** Files of the test. */
  folder: string;
  agent(name: 'alice' | 'bob', options?: BrowserOptions): Promise<Agent>;
  /** Calls the demo number, and presses 2 for Support. */
  call(options?: CallOptions): Phone;
  sipp(scenario: Scenario, options?: SippOptions): Promise<Sipp>;
  /** A provider's telephone that answers. */
  callee(): Promise<Sipp>;
  baresip(options?: BaresipOptions): Promise<Baresip>;
  /** Captures UDP on the loopback device. */
  capture(filter: string): Promise<Capture>;
  /** The list of calls as the administrator sees it. */
  records(options?: BrowserOptions): Promise<Records>;
}

export const test = base.extend<{ store: Store; scene: Scene }>({
  store: ['sqlite', { option: true }],
  scene: async ({ store }, use, info) => {
    const folder = info.outputDir;
    mkdirSync(folder, { recursive: true });
    const carillon = await Carillon.start(folder, { store });
    const unwatch = watch(`${carillon.http}/healthz`);
    const endings: (() => Promise<unknown>)[] = [() => carillon.stop()];
    const ends = <T>(one: T, end: (one: T) => Promise<unknown>): T => {
      endings.unshift(() => end(one));
      return one;
    };
    await use({
      carillon,
      folder,
      agent: async (name, options) => ends(await Agent.open(carillon, name, folder, options), (one) => one.close()),
      call: (options) => ends(new Phone(carillon.uri(), { tone: tones.caller, keys: '2@1s', ...options }), (one) => one.stop()),
      sipp: async (scenario, options) => ends(await Sipp.call(scenario, carillon.sipPort, folder, options), (one) => one.stop()),
      callee: async () => ends(await Sipp.answers(folder), (one) => one.stop()),
      baresip: async (options) => ends(await Baresip.start(folder, options), (one) => one.stop()),
      capture: async (filter) => ends(await Capture.start(info.outputPath(`packets-${endings.length}.pcap`), filter), (one) => one.end()),
      records: async (options) => {
        const { browser, context } = await openBrowser(folder, options);
        ends(browser, (one) => one.close());
        const page = await context.newPage();
        await signIn(page, carillon, 'admin');
        return new Records(carillon, page);
      },
    });
    unwatch();
    for (const end of endings) {
      await end().catch((error: unknown) => console.error(error));
    }
    if (info.status !== info.expectedStatus) {
      writeFileSync(info.outputPath('carillon.log'), carillon.log);
    }
  },
});

export { expect } from '@playwright/test';
