// Every page in both languages and both themes: it comes, nothing is left untranslated, nothing fails in the browser.
// The pictures are for people to look at: test/artifacts/screens.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { openBrowser, signIn } from '../helpers/agent.ts';
import { expect, test } from '../helpers/fixtures.ts';
import { tones } from '../helpers/tone.ts';

/** A text, or its forms for one and for many. */
type Text = string | Record<string, string>;

const catalogue = (language: string): Record<string, Text> =>
  JSON.parse(readFileSync(resolve(import.meta.dirname, `../../ui/locales/${language}.json`), 'utf8')) as Record<string, Text>;
const texts = { en: catalogue('en'), fr: catalogue('fr') };
const forms = (text: Text): string[] => (typeof text === 'string' ? [text] : Object.values(text));

test('the catalogues have the same texts', () => {
  expect(Object.keys(texts.fr).sort()).toEqual(Object.keys(texts.en).sort());
  expect(Object.entries(texts.fr).filter(([, text]) => forms(text).some((form) => form.trim() === ''))).toEqual([]);
});

for (const { language, locale, colorScheme } of [
  { language: 'en', locale: 'en-GB', colorScheme: 'light' },
  { language: 'fr', locale: 'fr-FR', colorScheme: 'dark' },
] as const) {
  test(`every page in ${language}, ${colorScheme}`, async ({ scene }) => {
      const alice = await scene.agent('alice', { locale, colorScheme });
    const look = async (page: Page, name: string): Promise<void> => {
      await page.screenshot({ path: resolve(import.meta.dirname, `../artifacts/screens/${name}-${language}-${colorScheme}.png`), fullPage: true });
      expect(await page.locator('html').getAttribute('lang')).toBe(language);
      // The name of the user who is signed in is nobody's to translate.
      const names = (await page.locator('header summary').allInnerTexts()).map((text) => text.trim());
      const shown = (await page.locator('body').innerText()).split('\n').map((line) => line.trim()).filter((line) => !names.includes(line));
      expect(shown.filter(isKey), `keys of the catalogue shown on ${name}`).toEqual([]);
      expect(shown.filter((line) => isOfAnother(line, language)), `texts in another language on ${name}`).toEqual([]);
    };

    const errors: string[] = [];
    watch(alice.page, errors);
    await look(alice.page, 'agent-away');
    await alice.ready();
    await look(alice.page, 'agent-ready');
    const phone = scene.call({ from: '+33123456789' });
    await alice.is('ringing', 45_000);
    await look(alice.page, 'agent-ringing');
    await alice.press('accept');
    await alice.is('talking');
    await alice.hears(tones.caller);
    await alice.press('keypad');
    await look(alice.page, 'agent-talking');
    await alice.press('hangup');
    await alice.is('wrapUp');
    await look(alice.page, 'agent-wrap-up');
    await phone.result();

    const { browser, context } = await openBrowser(scene.folder, { locale, colorScheme });
    const page = await context.newPage();
    watch(page, errors);
    await page.goto(`${scene.carillon.http}/login`);
    await look(page, 'login');
    await signIn(page, scene.carillon, 'admin');
    const pages = await page.locator('nav a[href^="/"]').evaluateAll((links) => links.map((link) => link.getAttribute('href') ?? ''));
    expect(pages).toContain('/calls');
    for (const path of [...new Set(pages)]) {
      const answer = await page.goto(scene.carillon.http + path);
      expect(answer?.status(), path).toBe(200);
      await look(page, path.slice(1).replaceAll('/', '-') || 'home');
    }
    await page.goto(`${scene.carillon.http}/calls`);
    await page.getByTestId('call-row').getByRole('link').first().click();
    // It is put away soon after the call.
    await expect(async () => {
      await page.reload();
      await expect(page.getByTestId('recording')).toBeVisible({ timeout: 2_000 });
    }).toPass({ timeout: 45_000 });
    await look(page, 'call');
    await page.goto(`${scene.carillon.http}/no-such-page`);
    await look(page, 'not-found');
    await browser.close();
    // The answer 404 to the page that does not exist is the one failure that is meant.
    expect(errors.filter((one) => !one.includes('404'))).toEqual([]);
  });
}

/** A key of the catalogue instead of its text, such as desk.ready. */
function isKey(line: string): boolean {
  return line in texts.en || /^[a-z]+(\.[a-zA-Z0-9]+)+$/.test(line);
}

/** A whole line of the other language's catalogue that ours does not have. */
function isOfAnother(line: string, language: 'en' | 'fr'): boolean {
  const other = new Set(Object.values(texts[language === 'en' ? 'fr' : 'en']).flatMap(forms));
  const own = new Set(Object.values(texts[language]).flatMap(forms));
  return line.length > 3 && other.has(line) && !own.has(line);
}

function watch(page: Page, errors: string[]): void {
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      errors.push(message.text());
    }
  });
}
