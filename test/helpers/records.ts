// What is left of a call: its line in the list, the page with its timeline, its recording.

import { expect, type Page } from '@playwright/test';
import { eventually } from './program.ts';
import type { Carillon } from './server.ts';
import { readWav, type Sound } from './wav.ts';

export class Records {
  constructor(
    readonly carillon: Carillon,
    readonly page: Page,
  ) {}

  /** Opens the list of calls and waits until it has as many as expected. */
  async list(calls: number): Promise<void> {
    await expect(async () => {
      await this.page.goto(`${this.carillon.http}/calls`);
      await expect(this.page.getByTestId('call-row')).toHaveCount(calls, { timeout: 2_000 });
    }).toPass({ timeout: 45_000 });
  }

  /** Opens the page of the newest call. */
  async openNewest(): Promise<void> {
    await this.page.getByTestId('call-row').first().getByRole('link').first().click();
    await expect(this.page.getByTestId('timeline')).toBeVisible();
  }

  async timeline(): Promise<string> {
    return this.page.getByTestId('timeline').innerText();
  }

  /** How the call ended, in words. */
  async end(): Promise<string> {
    return this.page.getByTestId('call-end').innerText();
  }

  /** The recording of the call whose page is open; waits until it has been put away. */
  async recording(): Promise<Sound> {
    const audio = this.page.getByTestId('recording').locator('audio');
    await eventually('the call has a recording', async () => {
      if ((await audio.count()) > 0) {
        return true;
      }
      await this.page.reload();
      return undefined;
    }, 45_000);
    const source = new URL((await audio.getAttribute('src')) ?? '', this.page.url());
    const answer = await this.page.request.get(source.toString());
    expect(answer.status(), `the recording at ${source.pathname}`).toBe(200);
    return readWav(await answer.body());
  }
}
