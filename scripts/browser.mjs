/** @file The browser that setup found, for tests. */
import { setup } from "./setup.mjs";

export const tools = await setup();

/** What a test says instead of running where there is no browser; false where there is one. */
export const noBrowser = tools.browser?.executablePath
  ? false
  : `no browser: ${tools.browser?.reason ?? "none is set up"}`;

/** A page of a fresh browser, which the test's end closes. */
export async function openPage(t) {
  const { default: puppeteer } = await import("puppeteer-core");
  const { executablePath, args, env } = tools.browser;
  const browser = await puppeteer.launch({
    executablePath,
    args,
    env: { ...process.env, ...env },
    protocolTimeout: 600_000,
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width: 1400, height: 1000 });
  return page;
}
