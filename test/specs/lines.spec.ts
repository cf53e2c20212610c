// The administrator's pages of lines: a new one's password is shown once, and a telephone that signs on with it appears on
// the page by itself.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, signIn } from '../helpers/agent.ts';
import { expect, test } from '../helpers/fixtures.ts';
import { freePorts } from '../helpers/ports.ts';
import { Program } from '../helpers/program.ts';

test('a line is added, and its telephone signs on', async ({ scene }) => {
  const { browser, context } = await openBrowser(scene.folder);
  const page = await context.newPage();
  await signIn(page, scene.carillon, 'admin');
  await page.goto(`${scene.carillon.http}/lines/new`);

  await page.getByTestId('number').fill('1000');
  await page.getByTestId('name').fill('Reception');
  await page.getByTestId('save').click();
  await expect(page.getByTestId('problem-number')).toContainText('Callers dial this number already');
  await expect(page.getByTestId('name')).toHaveValue('Reception');
  await page.getByTestId('number').fill('201');
  await page.getByTestId('save').click();

  const told = async (name: string): Promise<string> => (await page.getByTestId(`setting-${name}`).innerText()).trim();
  const [server, port, user, password] = [await told('server'), await told('port'), await told('user'), await told('password')];
  expect([server, port, user]).toEqual(['127.0.0.1', String(scene.carillon.sipPort), '201']);

  // In a tab of its own, which is not touched until the telephone is there.
  const list = await context.newPage();
  await list.goto(`${scene.carillon.http}/lines`);
  await expect(list.getByTestId('line-state')).toContainText('No telephone');
  const phone = await registered(scene.folder, `sip:${user}@${server}:${port}`, password);
  await expect(list.getByTestId('line-state')).toContainText('Signed on');
  await expect(page.getByTestId('contact')).toContainText('baresip', { ignoreCase: true });
  await phone.stop(15_000);
  await expect(list.getByTestId('line-state')).toContainText('No telephone');

  await list.getByRole('link', { name: '201' }).click();
  expect(await list.content()).not.toContain(password);
  await browser.close();
});

/** Somebody else's telephone that signs on and does nothing more. */
async function registered(folder: string, account: string, password: string): Promise<Program> {
  const own = join(folder, 'telephone');
  mkdirSync(own, { recursive: true });
  const sip = await freePorts(2);
  writeFileSync(join(own, 'config'), [
    'poll_method epoll', `sip_listen 127.0.0.1:${sip}`, 'module_path /usr/lib/baresip/modules', 'module g711.so',
    'module_tmp account.so', 'module_app menu.so', '',
  ].join('\n'));
  writeFileSync(join(own, 'accounts'), `<${account}>;auth_pass=${password};regint=60\n`);
  writeFileSync(join(own, 'contacts'), '');
  const phone = new Program('baresip', ['-f', own], { cwd: own });
  await phone.prints(/baresip is ready/);
  return phone;
}
