import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

/** Where Chromium is; undefined, and said aloud, where there is none. CI has one, and says so by the variable that asks for WebGPU. */
export function findChromium(): string | undefined {
  const candidates = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const found = candidates.find(path => path && existsSync(path));
  if (!found && process.env.FUNNEL_REQUIRE_WEBGPU) throw new Error('there must be a Chromium here, and there is none');
  if (!found) console.warn('SKIPPED: tests in a browser: there is no Chromium (CHROMIUM_PATH says where one is)');
  return found;
}

/** How a page is looked at. */
export interface Look {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly script?: boolean;
}

/** What a page did that it must not do, or may: all of it. */
export interface Opened {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly requests: readonly string[];
  readonly url: string;
}

/** A browser that opens pages from files, as a user does. */
export class Reader {
  readonly #browser: Browser;
  readonly #folder: string;
  #pages = 0;
  private constructor(browser: Browser, folder: string) {
    this.#browser = browser;
    this.#folder = folder;
  }

  static async start(chromium: string): Promise<Reader> {
    const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
    return new Reader(browser, await mkdtemp(join(tmpdir(), 'funnel-html-')));
  }

  async open(html: string, { scheme = 'light', width = 1280, script = true }: Look = {}): Promise<Opened> {
    const path = join(this.#folder, `${this.#pages++}.html`);
    await writeFile(path, html);
    const page = await this.#browser.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', message => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', error => complaints.push(String(error)));
    page.on('dialog', dialog => complaints.push(`dialog: ${dialog.message()}`));
    page.on('request', request => {
      if (!request.url().startsWith('data:')) requests.push(request.url());
    });
    await page.setJavaScriptEnabled(script);
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    const url = `file://${path}`;
    await page.goto(url);
    return { page, complaints, requests, url };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await rm(this.#folder, { recursive: true });
  }
}
