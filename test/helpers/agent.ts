// An agent at work: a Chromium of its own whose microphone is a tone, signed in on the agent's page.

import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, expect, type Locator, type Page } from '@playwright/test';
import { observe, type Observed } from './meter.ts';
import { eventually, pause } from './program.ts';
import type { Carillon } from './server.ts';
import { measured, note } from './stalls.ts';
import { highTones, tones, writeTone } from './tone.ts';

export type State = 'offline' | 'away' | 'ready' | 'ringing' | 'talking' | 'wrapUp' | 'notResponding';

export interface BrowserOptions {
  locale?: string;
  colorScheme?: 'light' | 'dark';
  /** Frequency of the microphone. */
  hz?: number;
}

const executablePath = process.env['CARILLON_CHROMIUM'] ?? '/usr/bin/chromium';

/** Starts a browser with a tone for a microphone; the folder takes the tone's file. */
export async function openBrowser(folder: string, options: BrowserOptions = {}): Promise<{ browser: Browser; context: BrowserContext }> {
  const { locale = 'en-GB', colorScheme = 'light', hz = tones.alice } = options;
  // Pulsed: the browser's noise suppression would take a steady tone away.
  const microphone = writeTone(join(folder, `microphone-${hz}.wav`), hz, { rate: 48_000, pulsed: true });
  // A browser that does not come up on a busy machine says nothing about the program.
  const browser = await measured(() => chromium.launch({
    executablePath,
    timeout: 45_000,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${microphone}`,
      '--autoplay-policy=no-user-gesture-required',
    ],
  }));
  const context = await browser.newContext({ locale, colorScheme, permissions: ['microphone', 'notifications'] });
  await context.addInitScript(observe, [...Object.values(tones), ...Object.values(highTones)]);
  return { browser, context };
}

export async function signIn(page: Page, carillon: Carillon, name: string): Promise<void> {
  await page.goto(`${carillon.http}/login`);
  await page.getByTestId('login-name').fill(name);
  await page.getByTestId('login-password').fill(carillon.password);
  await page.getByTestId('login-submit').click();
  await page.waitForURL((url) => url.pathname !== '/login');
}

export class Agent {
  private constructor(
    readonly name: string,
    readonly browser: Browser,
    readonly context: BrowserContext,
    public page: Page,
  ) {}

  /** Opens the agent's page, signed in. */
  static async open(carillon: Carillon, name: 'alice' | 'bob', folder: string, options: BrowserOptions = {}): Promise<Agent> {
    const { browser, context } = await openBrowser(folder, { hz: tones[name], ...options });
    const page = await context.newPage();
    await signIn(page, carillon, name);
    await page.waitForURL('**/agent');
    return new Agent(name, browser, context, page);
  }

  /** The page's element by its data-testid. */
  find(id: string): Locator {
    return this.page.getByTestId(id);
  }

  async press(...ids: string[]): Promise<void> {
    for (const id of ids) {
      await this.find(id).click();
    }
  }

  /** Waits until the page shows the state. */
  async is(state: State, patience = 30_000): Promise<void> {
    await expect(this.find('state'), `the state of ${this.name}`).toHaveAttribute('data-state', state, { timeout: patience });
  }

  async ready(): Promise<void> {
    await this.press('ready');
    await this.is('ready');
  }

  /** Waits for a call and takes it. */
  async answers(patience = 45_000): Promise<void> {
    await this.is('ringing', patience);
    await this.press('accept');
    await this.is('talking');
  }

  /** What the page has heard and been since it was loaded. */
  async observed(): Promise<Observed> {
    return this.page.evaluate(() => window.observed);
  }

  /** Waits until the page has heard the tone in most of a second, and returns when that began (milliseconds since 1970). */
  async hears(hz: number, options: { since?: number; patience?: number } = {}): Promise<number> {
    const { since = Date.now(), patience = 30_000 } = options;
    return eventually(`${this.name} hears ${hz} Hz`, async () => {
      const heard = (await this.observed()).heard.filter((one) => one.time >= since);
      const first = heard.find((one) => one.hz === hz);
      return first !== undefined && heard.filter((one) => one.hz === hz).length >= 15 ? first.time : undefined;
    }, patience);
  }

  /** Share of the measurements in a span of time in which the tone was heard, 0 to 1. */
  async heardShare(hz: number, from: number, to: number): Promise<number> {
    const heard = (await this.observed()).heard.filter((one) => one.time >= from && one.time < to);
    if (heard.length === 0) {
      throw new Error(`the page of ${this.name} measured nothing between ${from} and ${to}`);
    }
    return heard.filter((one) => one.hz === hz).length / heard.length;
  }

  /** Fails unless the tone is heard all the time for some seconds, now or a little later. */
  async hearsSteadily(hz: number, seconds = 3): Promise<void> {
    await measured(async () => {
      const from = Date.now();
      await pause(seconds * 1_000);
      (await this.observed()).stalls.forEach((one) => note(one.from, one.to));
      expect(await this.heardShare(hz, from, Date.now()), `share of the time in which ${this.name} heard ${hz} Hz`).toBeGreaterThan(0.95);
    });
  }

  /** Waits until the page has said something in a notice. */
  async isTold(what: string): Promise<void> {
    await eventually(`${this.name} is told of ${what}`, async () => ((await this.observed()).notices.some((one) => one.includes(what)) ? true : undefined));
  }

  /** Waits until the tone has not been heard for some seconds. */
  async hearsNoMore(hz: number, seconds: number): Promise<void> {
    await eventually(`${this.name} does not hear ${hz} Hz`, async () => {
      const now = Date.now();
      const heard = (await this.observed()).heard.filter((one) => one.time >= now - seconds * 1_000);
      // A page that stands still measures nothing, which is no silence.
      return heard.length >= seconds * 10 && heard.every((one) => one.hz !== hz) ? true : undefined;
    }, 20_000);
  }

  /** Becomes ready for the next attempt of a measurement, whatever the last one left: its caller has hung up. */
  async backToReady(): Promise<void> {
    await eventually(`${this.name} is ready again`, async () => {
      switch (await this.find('state').getAttribute('data-state')) {
        case 'ready':
          return true;
        case 'wrapUp':
          await this.find('finish-wrapup').click({ timeout: 1_000 }).catch(() => undefined);
          return undefined;
        case 'notResponding':
        case 'away':
          await this.find('ready').click({ timeout: 1_000 }).catch(() => undefined);
          return undefined;
        default:
          return undefined;
      }
    }, 60_000);
  }

  /** When the page last changed into the state, milliseconds since 1970. */
  async since(state: State): Promise<number> {
    const found = (await this.observed()).states.findLast((one) => one.state === state);
    if (found === undefined) {
      throw new Error(`the page of ${this.name} has never been ${state}`);
    }
    return found.time;
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}
