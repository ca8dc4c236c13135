/**
 * @file Step "browser": draws the static figures. Unpacked from npm's @sparticuz/chromium into the project, with the libraries and
 * fonts it needs, so a machine without a desktop has one; otherwise a Chrome found on the machine.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import {
  at,
  digest,
  digestSizes,
  filesUnder,
  isStamped,
  lastLines,
  readJson,
  readText,
  remove,
  root,
  run,
  setupDir,
  stamp,
  stepFile,
  unstamp,
  which,
  writeAtomic,
} from "./common.mjs";

const FOLDER = join(setupDir, "browser");
const RECORD = join(setupDir, "browser.json");
const MODULES = at("node_modules");
const MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const ARGS = [
  "--no-sandbox", // it needs rights that containers and some systems do not give; only our own figures are opened
  "--disable-gpu",
  "--disable-dev-shm-usage", // /dev/shm is tiny in containers
  "--font-render-hinting=none", // the same text width on every machine
];

const version = (name) => readJson(join(MODULES, name, "package.json"))?.version ?? "none";
// The record holds absolute paths, so a moved project writes a new one.
const key = () =>
  digest(root, version("@sparticuz/chromium"), version("dejavu-fonts-ttf"), ARGS.join(), candidates().join());

const outputs = () => digest(readText(RECORD) ?? "", digestSizes(filesUnder(FOLDER, ["font-cache"])));

export const browser = {
  name: "browser",
  title: "browser for static figures",
  needs: ["npm"],

  fresh() {
    return isStamped("browser", digest(key(), outputs())) && existsSync(readJson(RECORD)?.executablePath ?? "");
  },

  warning() {
    const record = readJson(RECORD);
    return record?.executablePath === null ? `NO BROWSER, so no static figures: ${record.reason}` : null;
  },

  async run(say) {
    const inputs = key();
    unstamp("browser");
    const failures = [];
    for (const candidate of candidates()) {
      try {
        if (candidate === PACKED) {
          say("unpack");
          await unpack();
        }
        say("test");
        const record = launchRecord(candidate);
        await run(process.execPath, [stepFile("verify-browser.mjs"), JSON.stringify(record)], { seconds: 60 });
        writeAtomic(RECORD, JSON.stringify(record, null, 2) + "\n");
        return stamp("browser", digest(inputs, outputs()));
      } catch (error) {
        failures.push(error.message);
      }
    }
    failures.push(
      "    Install Chrome or Chromium, or set CURIOUS_BROWSER to its path; then run the same command again.",
    );
    const reason = `none was found that runs.\n${lastLines(failures.join("\n"))}`;
    writeAtomic(RECORD, JSON.stringify({ executablePath: null, reason }, null, 2) + "\n");
  },
};

const PACKED = "packed";

/** In the order in which they are tried. */
function candidates() {
  if (process.env.CURIOUS_BROWSER) return [process.env.CURIOUS_BROWSER];
  const packed = process.platform === "linux" && process.arch === "x64" ? [PACKED] : [];
  const found = which("google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome", MAC);
  return [...packed, ...(found ? [found] : [])];
}

/** How to start it: what lib/report hands to puppeteer-core. */
function launchRecord(candidate) {
  const ours = candidate === PACKED;
  const executablePath = ours ? join(FOLDER, "chromium") : candidate;
  const env = {};
  if (ours)
    Object.assign(env, { LD_LIBRARY_PATH: join(FOLDER, "al2023", "lib"), FONTCONFIG_FILE: join(FOLDER, "fonts.conf") });
  return { executablePath, args: ARGS, env };
}

async function unpack() {
  const part = `${FOLDER}.part`;
  remove(part);
  mkdirSync(part, { recursive: true });
  // The package unpacks below TMPDIR, and its shared libraries only where it thinks itself in Amazon's cloud.
  const script = 'import("@sparticuz/chromium").then((chromium) => chromium.default.executablePath())';
  await run(process.execPath, ["-e", script], { env: { TMPDIR: part, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" } });
  // Open Sans is plotly's font; DejaVu has the arrows, check marks and operators it lacks. No font of the machine takes part,
  // so text is there, and equally wide, everywhere.
  const dejavu = join(MODULES, "dejavu-fonts-ttf", "ttf");
  for (const name of readdirSync(dejavu).filter((name) => /^DejaVuSans(Mono)?(-Bold|-Oblique)?\.ttf$/.test(name)))
    copyFileSync(join(dejavu, name), join(part, "fonts", name));
  writeAtomic(join(part, "fonts.conf"), fontsConf());
  remove(FOLDER);
  renameSync(part, FOLDER);
}

function fontsConf() {
  const path = FOLDER.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const prefer = (generic, family) =>
    `  <alias><family>${generic}</family><prefer><family>${family}</family></prefer></alias>`;
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">',
    "<fontconfig>",
    `  <dir>${path}/fonts</dir>`,
    `  <cachedir>${path}/font-cache</cachedir>`,
    prefer("sans-serif", "Open Sans"),
    prefer("monospace", "DejaVu Sans Mono"),
    "</fontconfig>",
    "",
  ].join("\n");
}
