/** @file A headless browser that draws plotly figures as SVG: one per process, started when needed, closed when idle or when the process ends. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "puppeteer-core";
import { paths } from "../core/paths";

/** A figure as plotly knows it. layout.width and layout.height are in px. */
export interface Figure {
  /** Traces of plotly. */
  readonly data: readonly Readonly<Record<string, unknown>>[];
  /** Of plotly, with the size in pixels. */
  readonly layout: Readonly<Record<string, unknown>> & { readonly width: number; readonly height: number };
}

/** What setup leaves in .setup/browser.json. */
interface BrowserRecord {
  readonly executablePath: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface OpenBrowser {
  readonly browser: Browser;
  readonly page: Page; // with plotly and the fonts
  readonly removeProfile: () => void;
  readonly onExit: () => void;
}

const idleMilliseconds = 30_000; // serves the figures of a notebook's neighbouring cells
let open: Promise<OpenBrowser | undefined> | undefined;
let queue: Promise<unknown> = Promise.resolve();
let idle: NodeJS.Timeout | undefined;

/**
 * Draws a figure as SVG. The same figure and name give the same bytes: plotly's random ids come from a generator seeded
 * with the name, and text is measured with fonts that ship with this library.
 *
 * @param name the figure's name; ids differ between names, so two SVGs can stand in one page
 * @returns the SVG text, or undefined where there is no browser (said once on standard error)
 */
export async function drawSvg(figure: Figure, name: string): Promise<string | undefined> {
  const drawn = queue.then(() => drawNow(figure, name)); // one at a time: they share the page's random numbers
  queue = drawn.catch(() => undefined);
  return drawn;
}

/** Closes the browser now instead of when it has been idle for a while; the next figure starts another. */
export async function closeBrowser(): Promise<void> {
  clearTimeout(idle);
  const closing = open;
  open = undefined;
  const opened = await closing;
  if (opened === undefined) return;
  holdProcess(opened.browser, true);
  await opened.browser.close();
  opened.removeProfile();
  process.off("exit", opened.onExit);
}

/** Draws a figure in the open browser; where it died, once more in another. */
async function drawNow(figure: Figure, name: string, mayRetry = true): Promise<string | undefined> {
  clearTimeout(idle);
  open ??= start();
  const opened = await open;
  if (opened === undefined) return undefined;
  holdProcess(opened.browser, true);
  try {
    const script = (input: unknown, seed: string) => (globalThis as unknown as PageScript).draw(input, seed);
    return `${await opened.page.evaluate(script, figure, name)}\n`;
  } catch (error) {
    if (opened.browser.connected || !mayRetry) throw error;
    await closeBrowser(); // it died; another one may live
    return await drawNow(figure, name, false);
  } finally {
    holdProcess(opened.browser, false);
    idle = setTimeout(() => void closeBrowser(), idleMilliseconds).unref();
  }
}

/** An idle browser must not keep a script, a test or a kernel from ending; it ends with the process. A drawing one must. */
function holdProcess(browser: Browser, hold: boolean): void {
  const child = browser.process();
  for (const handle of [child, ...(child?.stdio ?? [])] as (Partial<NodeJS.RefCounted> | null)[]) {
    if (hold) handle?.ref?.();
    else handle?.unref?.();
  }
}

/** Starts the browser that setup recorded; undefined where it does not start. */
async function start(): Promise<OpenBrowser | undefined> {
  const profile = mkdtempSync(join(tmpdir(), "curious-browser-"));
  const removeProfile = (): void => rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  const onExit = (): void => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100); // what is being killed may still write for a moment
    removeProfile();
  };
  let browser: Browser | undefined;
  try {
    const record = readRecord();
    const puppeteer = await import("puppeteer-core");
    browser = await puppeteer.launch({
      executablePath: record.executablePath,
      args: [...(record.args ?? []), "--font-render-hinting=none", "--force-device-scale-factor=1"],
      env: { ...process.env, ...record.env },
      userDataDir: profile,
      headless: "shell",
      pipe: true, // the browser ends with this process, however that ends
      handleSIGINT: false, // an interrupted cell must not end the kernel
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    process.once("exit", onExit); // after puppeteer's own listener, which kills the browser
    const page = await browser.newPage();
    await page.addScriptTag({ path: require.resolve("plotly.js/dist/plotly-cartesian.min.js") });
    await page.addScriptTag({ content: pageScript });
    await page.evaluate((fonts) => (globalThis as unknown as PageScript).loadFonts(fonts), fontFaces());
    return { browser, page, removeProfile, onExit };
  } catch (error) {
    await browser?.close();
    removeProfile();
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    process.stderr.write(`figures: no browser, so no SVG files; the figures here stay interactive (${reason})\n`);
    return undefined;
  }
}

function readRecord(): BrowserRecord {
  const file = join(paths.setup, "browser.json");
  if (!existsSync(file)) throw new Error("setup has found none: .setup/browser.json is missing");
  return JSON.parse(readFileSync(file, "utf8")) as BrowserRecord;
}

interface FontFaceRecord {
  readonly source: string;
  readonly weight: string;
  readonly unicodeRange: string;
}

/** Arimo under the name Arial, whose widths it shares: the same layout on every machine, near the viewer's own Arial or Helvetica. */
function fontFaces(): FontFaceRecord[] {
  const ranges = require("@fontsource/arimo/unicode.json") as Record<string, string>;
  return ["latin", "latin-ext", "greek"].flatMap((subset) =>
    ["400", "700"].map((weight) => {
      const file = require.resolve(`@fontsource/arimo/files/arimo-${subset}-${weight}-normal.woff2`);
      const source = `url(data:font/woff2;base64,${readFileSync(file).toString("base64")})`;
      return { source, weight, unicodeRange: ranges[subset]! };
    }),
  );
}

/** What pageScript defines in the page. */
interface PageScript {
  loadFonts(fonts: readonly FontFaceRecord[]): Promise<void>;
  draw(figure: unknown, name: string): Promise<string>;
}

/**
 * Runs in the page. mulberry32 stands in for Math.random, from which plotly makes its ids. settle writes the measured width
 * beside every text, so a viewer without Arial condenses its own font instead of letting labels collide, and sorts
 * attributes, whose order depends on what the page drew before.
 */
const pageScript = `
globalThis.loadFonts = async (fonts) => {
  for (const { source, weight, unicodeRange } of fonts) {
    document.fonts.add(await new FontFace("Arial", source, { weight, unicodeRange }).load());
  }
};
globalThis.draw = (figure, name) => {
  let state = 0;
  for (const letter of name) state = Math.imul(state ^ letter.codePointAt(0), 2654435761);
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const { width, height } = figure.layout;
  return Plotly.toImage(figure, { format: "svg", width, height, imageDataOnly: true }).then(settle);
};
function settle(text) {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  const place = document.body.appendChild(document.importNode(root, true));
  for (const element of place.querySelectorAll("text, tspan")) {
    if (element.childElementCount > 0 || element.textContent.trim() === "") continue;
    element.setAttribute("textLength", element.getComputedTextLength().toFixed(1));
    element.setAttribute("lengthAdjust", "spacingAndGlyphs");
  }
  for (const image of place.querySelectorAll("image")) image.setAttribute("style", "image-rendering: pixelated");
  for (const element of [place, ...place.querySelectorAll("*")]) {
    const attributes = [...element.attributes].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const attribute of attributes) element.removeAttributeNode(attribute);
    for (const attribute of attributes) element.setAttributeNode(attribute);
  }
  place.remove();
  return new XMLSerializer().serializeToString(place);
}`;
