/** Debian's Chromium, one for the tests of a file, and pages of it that are watched for what must never happen. */
import assert from "node:assert/strict";
import { after, type TestContext } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";

export interface Watched extends Page {
  /** What must not happen: dialogs, errors, refusals by the page's policy, requests to other hosts. */
  readonly strange: readonly string[];
}

export interface Opening {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** What the test causes on purpose, such as an answer that is no. */
  readonly expected?: RegExp;
}

let launched: Promise<Browser> | undefined;

after(async () => (await launched)?.close());

function browser(): Promise<Browser> {
  launched ??= chromium.launch({
    executablePath: "/usr/bin/chromium",
    // As root, and in containers, Chromium cannot make its sandbox; what it opens is our own.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--js-flags=--expose-gc"],
  });
  return launched;
}

/** Opens `url`; when the test ends, nothing strange may have happened. */
export async function openPage(t: TestContext, url: string, opening: Opening = {}): Promise<Watched> {
  const { width = 1440, height = 900, dark = false, expected } = opening;
  const context = await (await browser()).newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    timezoneId: "Europe/Vienna",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const strange: string[] = [];
  const { origin } = new URL(url);
  page.on("dialog", (dialog) => {
    strange.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => strange.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A violation of the policy is told on the console, as an error. That a node ended, the page says itself.
    if (/net::ERR_(INCOMPLETE_CHUNKED_ENCODING|CONNECTION_\w+|EMPTY_RESPONSE)/.test(message.text())) return;
    if (["error", "warning"].includes(message.type())) strange.push(`console: ${message.text()}`);
  });
  context.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.origin !== origin && asked.protocol !== "data:") strange.push(`request: ${request.url()}`);
  });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      console.error(`policy: ${event.violatedDirective}`),
    );
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(
      strange.filter((what) => !expected?.test(what)),
      [],
    );
  });
  await page.goto(url);
  return Object.assign(page, { strange });
}

/** Waits until `read` gives what is expected, and says what it gave otherwise. */
export async function shows<T>(read: () => Promise<T>, expected: T, limitMs = 15_000): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    const got = await read();
    try {
      assert.deepEqual(got, expected);
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
