/** A browser window of a test: what a person does there, and what must never happen in it. */
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import axe from 'axe-core';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { expect } from 'vitest';
import { findBrowser } from '../../../test/browser.ts';
import { pagesAreStale } from '../launcher/pages.ts';

const docsImages = fileURLToPath(new URL('../../../docs/images/', import.meta.url));
const exampleImages = fileURLToPath(new URL('../docs/', import.meta.url));
let imageFolder: Promise<string> | undefined;

/** The pictures that the documentation of the whole shows; all others are the example's own. */
const documented = new Set([
  'event-page',
  'event-dark',
  'event-phone',
  'second-window-held',
  'second-window-sold',
  'checkout',
  'payment',
  'tickets',
  'tickets-phone',
]);

/** UPDATE_SCREENSHOTS=1 renews the pictures of the documentation; else they go to a temporary folder. */
function screenshotFolder(name: string): Promise<string> {
  if (env.UPDATE_SCREENSHOTS === '1') {
    return Promise.resolve(documented.has(name) ? docsImages : exampleImages);
  }
  imageFolder ??= mkdtemp(join(tmpdir(), 'evenkeel-screenshots-'));
  return imageFolder;
}

/** Decoration stands still unless a test wants it to move: without a graphics card it costs a third of a core a window. */
const calm: BrowserContextOptions = { timezoneId: 'Europe/Paris', reducedMotion: 'reduce' };
const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 860 } };
export const moving: BrowserContextOptions = { ...desktop, reducedMotion: 'no-preference' };
export const phone: BrowserContextOptions = {
  viewport: { width: 360, height: 760 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};

const example = fileURLToPath(new URL('..', import.meta.url));

/** A real Chromium, and the pages as they are now. */
export async function openBrowser(args: string[] = []): Promise<Browser> {
  if (await pagesAreStale()) {
    // a process of its own: the test runner's NODE_ENV would build pages for developers
    const env = { ...process.env, NODE_ENV: 'production' };
    await promisify(execFile)('npm', ['run', 'build'], { cwd: example, env });
  }
  const found = await findBrowser();
  return chromium.launch({ ...found, args: [...found.args, ...args] });
}

export type Look = 'free' | 'selected' | 'mine' | 'held' | 'sold';

export class Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** errors on the console, uncaught exceptions and violations of the content security policy */
  readonly complaints: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        this.complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
      }
    });
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.stack ?? error}`));
    page.on('crash', () => this.complaints.push('the page crashed'));
  }

  static async open(browser: Browser, url: string, options = desktop): Promise<Window> {
    const context = await browser.newContext({ ...calm, ...options });
    context.setDefaultTimeout(30_000);
    return Window.#in(context, url);
  }

  /** Another tab of the same browser: same cookies, same localStorage. */
  tab(url = this.page.url()): Promise<Window> {
    return Window.#in(this.context, url);
  }

  static async #in(context: BrowserContext, url: string): Promise<Window> {
    const window = new Window(context, await context.newPage());
    await window.page.goto(url);
    return window;
  }

  /** Waits until the line is up and the seats are there. */
  async ready(): Promise<this> {
    await this.page.locator('.connection.is-live').waitFor();
    await this.page.locator('.seat').first().waitFor();
    return this;
  }

  seat(id: string): Locator {
    return this.page.locator(`[data-seat="${id}"]`);
  }

  /** Waits until a seat looks like this, without reloading anything. */
  async sees(id: string, look: Look): Promise<void> {
    await this.page.locator(`[data-seat="${id}"][data-look="${look}"]`).waitFor();
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name });
  }

  heading(name: string | RegExp): Locator {
    return this.page.getByRole('heading', { name });
  }

  async pick(...ids: string[]): Promise<void> {
    for (const id of ids) {
      await this.seat(id).click();
      await this.sees(id, 'selected');
    }
  }

  async signInAsDemo(): Promise<void> {
    await this.button('Use the demo account').click();
    await this.page.locator('.dialog button[type=submit]').click();
    await this.page.locator('.dialog[open]').waitFor({ state: 'hidden' });
  }

  async register(name: string, email: string): Promise<void> {
    await this.button('Create an account').click();
    await this.page.getByLabel('Name').fill(name);
    await this.page.getByLabel('E-mail').fill(email);
    await this.page.getByLabel('Password').fill('correct horse battery');
    await this.button('Create account').click();
    await this.page.locator('.dialog[open]').waitFor({ state: 'hidden' });
  }

  /** From picked seats to the payment form, with an account of the window's own. */
  async hold(email: string, ...ids: string[]): Promise<void> {
    await this.pick(...ids);
    await this.button('Hold seats').click();
    await this.register('Test Person', email);
    await this.heading('Pay with a test card').waitFor();
  }

  async pay(card: 'The good card' | 'The empty card' = 'The good card'): Promise<void> {
    await this.page.getByLabel(card).check();
    await this.button(/^Pay €/).click();
  }

  /** Nothing that axe-core can find stands in the way of anybody; `within` is a CSS selector. */
  async #isAccessible(state: string, within: string): Promise<void> {
    await this.page.evaluate(axe.source);
    // a color on its way from one to the other is nobody's
    await this.page.evaluate(`Promise.all(
      document.getAnimations()
        .filter((one) => one instanceof CSSTransition)
        .map((one) => one.finished.catch(() => undefined)),
    ).then(() => undefined)`);
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const options = JSON.stringify({ runOnly: tags, resultTypes: ['violations'] });
    // a string, because these tests are compiled for Node.js and know no document
    const { violations } = (await this.page.evaluate(
      `axe.run('${within}', ${options})`,
    )) as axe.AxeResults;
    const found = violations.map(({ id, help, nodes }) => {
      return `${state}: ${id}: ${help}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`)}`;
    });
    expect(found).toEqual([]);
  }

  /** A page that scrolls sideways does not fit the phone. */
  async fitsItsWidth(): Promise<void> {
    const wider = await this.page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    expect(wider).toBe(0);
  }

  /** A state that is shown in the documentation, and in which nobody is shut out. */
  async screenshot(
    name: string,
    { within = 'html', ...options }: { fullPage?: boolean; within?: string } = {},
  ): Promise<void> {
    // those of the example are many: as JPEG they stay small
    const format = documented.has(name)
      ? ({ type: 'png' } as const)
      : ({ type: 'jpeg', quality: 70 } as const);
    const file = `${name}.${format.type === 'jpeg' ? 'jpg' : 'png'}`;
    const path = join(await screenshotFolder(name), file);
    await this.page.screenshot({ path, ...format, animations: 'disabled', ...options });
    await this.#isAccessible(name, within);
  }

  /** Closes the window; whatever the browser complained of and nobody `expected` fails the test. */
  async close(...expected: RegExp[]): Promise<void> {
    await this.context.close();
    const unexpected = this.complaints.filter((text) => !expected.some((one) => one.test(text)));
    expect(unexpected).toEqual([]);
  }
}
