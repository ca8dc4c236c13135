/** @file verify-browser.mjs RECORD: starts the browser and looks whether text leaves ink on the page, different letters differing. */
import { createRequire } from "node:module";

process.on("uncaughtException", (error) => {
  console.error(error.message);
  process.exit(1);
});

// puppeteer-core is a dependency of the library.
const puppeteer = createRequire(new URL("../../lib/package.json", import.meta.url))("puppeteer-core");
const { executablePath, args, env } = JSON.parse(process.argv[2]);

const browser = await puppeteer.launch({ executablePath, args, env: { ...process.env, ...env }, headless: "shell" });
try {
  const page = await browser.newPage();
  const [blank, ...letters] = await page.evaluate(() =>
    [" ", "R", "i", "κ", "∇"].map((letter) => {
      const context = document.createElement("canvas").getContext("2d");
      context.font = "60px sans-serif";
      context.fillText(letter, 20, 80);
      return context.getImageData(0, 0, 120, 120).data.reduce((sum, value) => sum + value, 0);
    }),
  );
  if (letters.some((ink) => ink === blank) || new Set(letters).size < letters.length)
    throw new Error(`text is not drawn: ink of R, i, κ, ∇ is ${letters}. Are there fonts?`);
} finally {
  await browser.close();
}
