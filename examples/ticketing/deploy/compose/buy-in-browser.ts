/** Buys two seats as a person does, in real Chromium: `buy-in-browser.ts URL`. Prints the tickets' seats. */
import { randomUUID } from 'node:crypto';
import { chromium } from 'playwright-core';
import { findBrowser } from '../../../../test/browser.ts';

const [url = 'http://127.0.0.1:8080'] = process.argv.slice(2);
const browser = await chromium.launch(await findBrowser());
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.setDefaultTimeout(30_000);
  const button = (name: string | RegExp) => page.getByRole('button', { name });
  await page.goto(url);
  await page.locator('.connection.is-live').waitFor();
  const free = page.locator('[data-seat][data-look="free"]');
  await free.first().waitFor();
  const seats = await free.evaluateAll((all) => all.map((one) => one.getAttribute('data-seat')));
  for (const id of seats.slice(0, 2)) await page.locator(`[data-seat="${id}"]`).click();
  await button('Hold seats').click();
  await button('Create an account').click();
  await page.getByLabel('Name').fill('Compose Person');
  await page.getByLabel('E-mail').fill(`compose-${randomUUID()}@evenkeel.example`);
  await page.getByLabel('Password').fill('correct horse battery');
  await button('Create account').click();
  await page.getByLabel('The good card').check();
  await button(/^Pay €/).click();
  await page.locator('.ticket').nth(1).waitFor();
  const [image] = process.argv.slice(3);
  if (image) await page.screenshot({ path: image });
  console.log(`${await page.locator('.ticket').count()} tickets on the screen`);
} finally {
  await browser.close();
}
