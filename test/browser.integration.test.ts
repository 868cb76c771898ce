import { chromium } from 'playwright-core';
import { afterEach, expect, it, vi } from 'vitest';
import { findBrowser } from './browser.ts';

afterEach(() => void vi.unstubAllEnvs());

it('finds a Chromium that draws a page', async () => {
  const browser = await chromium.launch(await findBrowser());
  try {
    const page = await browser.newPage();
    await page.setContent('<h1>Seat 12</h1>');
    expect(await page.locator('h1').textContent()).toBe('Seat 12');
    expect((await page.screenshot()).length).toBeGreaterThan(1_000);
  } finally {
    await browser.close();
  }
});

it('refuses a CHROMIUM_PATH that does not run, in one line', async () => {
  vi.stubEnv('CHROMIUM_PATH', '/nowhere/chromium');
  await expect(findBrowser()).rejects.toThrow(
    /^CHROMIUM_PATH is set, but \/nowhere\/chromium does not run\. Correct or unset it\.$/,
  );
});
