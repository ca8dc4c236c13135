/** @file An audit as a page that opens offline: everything is in it. */
import { escapeHtml } from "../report/markup";
import { pictureOf } from "../report/pictures";
import type { Audit, AuditedRound } from "./audit";
import { theAnswer, whatWasAssumed, whatWouldChange, whoSees } from "./words";

/**
 * The report of an audit as HTML.
 *
 * @param audit see audit
 * @returns a whole document without links to anything
 * @example
 * pageOf(audited).startsWith("<!doctype html>"); // true
 */
export function pageOf(audit: Audit): string {
  const { spec, rounds, seconds } = audit;
  const title = `What a client could have seen: ${spec.name}`;
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`,
    `<title>${escapeHtml(title)}</title><style>${css}</style></head><body><main><h1>${escapeHtml(title)}</h1>`,
    section("The answer", theAnswer(audit)),
    section("Who sees what", whoSees(audit)),
    ...rounds.map((round) => roundOf(audit, round)),
    section("What was assumed", whatWasAssumed(audit)),
    section("What would change the answer", whatWouldChange(audit)),
    `<h2>The spec</h2><pre>${escapeHtml(JSON.stringify(spec, null, 2))}</pre>`,
    `<p class="small">Computed in ${seconds.toFixed(0)} s.</p></main></body></html>\n`,
  ].join("\n");
}

const css = `body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#fff;margin:0}main{max-width:60rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}li{margin:.3rem 0}table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;text-align:right;font-variant-numeric:tabular-nums}th:first-child,td:first-child{text-align:left}
img{image-rendering:pixelated;width:84px;height:auto;vertical-align:middle}pre{background:#f6f6f6;padding:1rem;overflow:auto;font-size:.8rem}.small{color:#666;font-size:.85rem}.wide{overflow-x:auto}`;

function section(title: string, sentences: readonly string[]): string {
  return `<h2>${escapeHtml(title)}</h2><ul>${sentences.map((text) => `<li>${escapeHtml(text)}</li>`).join("")}</ul>`;
}

/** A table; cells that are HTML already are given as such. */
function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((text) => `<th>${escapeHtml(text)}</th>`).join("");
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("");
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** What a round gave: images, what was tried, and each image by itself. */
function roundOf({ spec, hasOwn }: Audit, round: AuditedRound): string {
  const { leak, priors, trueMatchingLoss, bound, found, noise, bounds } = round;
  const verdict = found === null ? "cannot be judged by the match" : found ? "found" : "not found";
  const losses = [
    `Matching loss ${round.matchingLoss.toExponential(2)}`,
    trueMatchingLoss === null ? "" : `of the private images themselves ${trueMatchingLoss.toExponential(2)}`,
    bound === null ? "" : `found at ${bound.toExponential(2)} or less`,
  ].filter(Boolean);
  const noisy =
    noise === 0
      ? ""
      : `<p>Noise of standard deviation ${noise.toExponential(2)} lies on every number.${
          bounds === null
            ? ""
            : ` No unbiased attacker errs by less than ${bounds.cramerRao.rmse.toPrecision(3)} per pixel (Cramér–Rao; ${bounds.trace.rmse.toPrecision(3)} by the trace). An attacker with a prior is biased, and not bound by it.`
        }</p>`;
  return [
    `<h2>Round ${round.round}: ${verdict}</h2>`,
    `<p>${escapeHtml(losses.join(", "))}. Between ${escapeHtml(round.files.join(" and "))}.</p>${noisy}`,
    imageTable(spec.inputShape, round, hasOwn),
    priors.length === 0
      ? "<p>The round shows nothing of others.</p>"
      : tableOf(
          ["prior", "matching loss", ...(leak ? ["RMSE"] : [])],
          priors.map(({ prior, matchingLoss, rmse }) => [
            prior,
            matchingLoss.toExponential(2),
            ...(leak ? [rmse?.toFixed(3) ?? ""] : []),
          ]),
        ),
  ].join("\n");
}

/** Each image with its labels and errors. */
function imageTable(
  shape: Audit["spec"]["inputShape"],
  { leak, images, labels }: AuditedRound,
  hasOwn: boolean,
): string {
  const all = splitImages(images, shape);
  const shown = (image: Float32Array): string =>
    `<img alt="" src="data:image/png;base64,${Buffer.from(pictureOf([[image]], shape, 1)).toString("base64")}">`;
  if (leak === null)
    return tableOf(["image", "reconstructed", "as of class"], all.map((image, i) => [String(i), shown(image), String(labels[i])])); // prettier-ignore
  const truth = splitImages(leak.privateImages, shape);
  return tableOf(
    ["image", "private", "reconstructed", "class", "RMSE", ...(hasOwn ? ["floor", "leakage"] : [])],
    truth.map((image, i) => [
      ...[String(i), shown(image), shown(all[i]!), String(leak.labels[i]), leak.perImage[i]!.toFixed(3)],
      ...(hasOwn ? [leak.perImageFloor[i]!.toFixed(3), `${(100 * (1 - leak.perImage[i]! / leak.perImageFloor[i]!)).toFixed(0)} %`] : []), // prettier-ignore
    ]),
  );
}

/**
 * A stack of images as single ones.
 *
 * @param images [n, C, H, W]
 * @param shape [C, H, W]
 * @returns n views of it
 * @example
 * splitImages(Float32Array.of(0, 1), [1, 1, 1]).length; // 2
 */
export function splitImages(images: Float32Array, [c, h, w]: readonly number[]): Float32Array[] {
  const pixels = c! * h! * w!;
  return Array.from({ length: images.length / pixels }, (_, i) => images.subarray(i * pixels, (i + 1) * pixels));
}
