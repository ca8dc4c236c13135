/** @file An audit as a folder: page, picture, arrays and JSON. */
import { join, resolve } from "node:path";
import { joined } from "../core/joined";
import { toNpy } from "../files/writeNpy";
import { checkFolder, writeFolder } from "../report/folder";
import { pictureOf } from "../report/pictures";
import type { Audit, AuditedRound } from "./audit";
import { pageOf, splitImages } from "./page";
import { summaryOf, type AuditSummary } from "./summary";
import { theAnswer, whatWasAssumed, whatWouldChange, whoSees } from "./words";

const marker = "audit.json";
const reconstructions = "reconstructions.npy";

/**
 * Refuses a folder for a report in which something else is; see checkFolder.
 *
 * @param folder that the report is to be written to
 * @throws InputError for a file, or a folder that holds no report
 * @example
 * checkReport(join(projectRoot, "no such folder"));
 */
export function checkReport(folder: string): void {
  checkFolder("audit", folder, marker);
}

/**
 * Writes the report: index.html, grid.png (truth, if known, above reconstructions; a pair of rows per round), reconstructions.npy and
 * audit.json.
 *
 * @param audit see audit
 * @param folder that is made, or replaced where a report is in it
 * @returns the summary, with the path of reconstructions.npy
 * @throws InputError as checkReport
 * @example
 * writeAudit(audited, join(made, "report")).numClients; // 5
 */
export function writeAudit(audit: Audit, folder: string): AuditSummary {
  const { spec, rounds } = audit;
  const { inputShape: shape } = spec;
  const images = joined(Float32Array, rounds.map((round) => round.images)); // prettier-ignore
  const summary = summaryOf(audit, join(resolve(folder), reconstructions));
  const record = {
    ...summary,
    ...{ images: reconstructions, spec, counted: audit.counted },
    rounds: rounds.map(recordOf),
    ...{ answer: theAnswer(audit), whoSees: whoSees(audit) },
    ...{ assumed: whatWasAssumed(audit), wouldChange: whatWouldChange(audit) },
  };
  const pictures = rounds.flatMap(({ leak, images: all }) => [
    ...(leak === null ? [] : [splitImages(leak.privateImages, shape)]),
    splitImages(all, shape),
  ]);
  const scale = Math.max(1, Math.min(4, Math.floor(112 / shape[2]!)));
  const [c, h, w] = shape as [number, number, number];
  writeFolder(
    "audit",
    folder,
    {
      "index.html": pageOf(audit),
      "grid.png": pictureOf(pictures, shape, scale),
      [reconstructions]: toNpy(images, [images.length / (c * h * w), c, h, w]),
      [marker]: `${JSON.stringify(record, null, 2)}\n`,
    },
    marker,
  );
  return summary;
}

/** A round without its images. */
function recordOf({ images: _images, leak, labels, ...round }: AuditedRound): object {
  return {
    ...round,
    labels: [...labels],
    ...(leak && { rmse: leak.rmse, floor: leak.floor, labelAccuracy: leak.labelAccuracy, trueLabels: leak.labels }),
    ...(leak && { perImage: leak.perImage, perImageFloor: leak.perImageFloor }),
  };
}
