/** @file What an attacker does from its views on: whom a server kept, which labels there are, and then the images. */
import type { AttackerOptions } from "./attackers";
import { priorOf } from "./decoder";
import type { InvertOptions, Reconstruction } from "./inversion";
import { invert } from "./invert";
import { invertSeparated, isSeparable } from "./invertSeparated";
import { invertWithLabels } from "./labelSearch";
import { isUnrolled } from "./matcher";
import { explainSelections } from "./selection";
import { clientShares, type AttackerView } from "./view";

/** A view to attack. */
export interface Attackable {
  /** As the attacker has it. */
  readonly view: AttackerView;
  /** Of a rule that keeps some updates: as of the mean of those that it kept, which the attacker is told where labels are given. */
  readonly granted?: AttackerView;
  /** Of the images behind it; read where labels are given. */
  readonly labels?: Int32Array;
}

/** What became of a view. */
export interface Attacked {
  /** As it was inverted: where a rule keeps some updates, the one that explains the broadcast. */
  readonly view: AttackerView;
  /** Its images. */
  readonly reconstruction: Reconstruction;
}

/**
 * Inverts views as an attacker does: those that can be told apart one by one, the others with labels that are given, inferred, or looked for.
 *
 * @param targets at least one
 * @param options as of invert; own is needed where the attacker tells images apart
 * @param attacker of whom labels, labelSearch, separate and selectionSteps are read; the rest of it is in options
 * @returns one per target, in their order, owned by the caller
 * @throws InputError as invert, invertWithLabels and explainSelections
 * @example
 * const how = { prior: { kind: "pixel" }, own: batch, steps: 2 };
 * const [found] = await attack([{ view }], how, { labels: "inferred" });
 * found.reconstruction.labels.length; // view.numImages
 */
export async function attack(
  targets: readonly Attackable[],
  options: InvertOptions,
  attacker: Pick<AttackerOptions, "labels" | "labelSearch" | "separate" | "selectionSteps">,
): Promise<Attacked[]> {
  const { labels, labelSearch, separate = false } = attacker;
  const views = await viewsTaken(targets, options, attacker);
  const results = new Array<Reconstruction | null>(views.length).fill(null);
  const { seed = 0, objective = "cosine", also } = options;
  for (const [i, view] of views.entries())
    if (separate && isSeparable(view)) results[i] = await invertSeparated(view, options.own!, { seed, objective });
  const left = [...views.keys()].filter((i) => results[i] === null);
  if (left.length > 0) {
    const some = left.map((i) => views[i]!);
    const how = { ...options, prior: priorOf(options.prior, left), ...(also && { also: left.map((i) => also[i]!) }) };
    let searched: Reconstruction[];
    const isOpen = some.some((view) => asksForOrder(view, options)); // no start and no search has the right one
    if (labels === "given") searched = await invert(some, { ...how, labels: left.map((i) => targets[i]!.labels!) });
    else if (isOpen) searched = await invert(some, { ...how, restarts: 1 });
    else if (labelSearch !== undefined) searched = await invertWithLabels(some, how, labelSearch);
    else searched = await invert(some, how);
    left.forEach((i, at) => (results[i] = searched[at]!));
  }
  return results.map((reconstruction, i) => ({ view: views[i]!, reconstruction: reconstruction! }));
}

/** Whether it matters which client has which label, and in which step: then no gradient tells, and inferred labels are in ascending order. */
function asksForOrder(view: AttackerView, options: InvertOptions): boolean {
  const { localBatches = view.localSteps } = view;
  return clientShares(view) !== undefined || (isUnrolled(view, options) && localBatches > 1);
}

/** The views as the attacker takes them: whom a server kept is granted with the labels, else found out where it tries. */
async function viewsTaken(
  targets: readonly Attackable[],
  options: InvertOptions,
  { labels, selectionSteps }: Pick<AttackerOptions, "labels" | "selectionSteps">,
): Promise<AttackerView[]> {
  if (labels === "given") return targets.map(({ view, granted }) => granted ?? view);
  const views = targets.map(({ view }) => view);
  if (selectionSteps === undefined) return views;
  const open = [...targets.keys()].filter((i) => targets[i]!.granted !== undefined);
  if (open.length === 0) return views;
  const how = { ...options, prior: priorOf(options.prior, open) };
  const explained = await explainSelections(open.map((i) => views[i]!), how, selectionSteps); // prettier-ignore
  open.forEach((i, at) => (views[i] = explained[at]!));
  return views;
}

/**
 * Of an attacker's options those of the search itself: what invert takes, the prior apart.
 *
 * @param attacker an attacker's options, perhaps with those of an experiment
 * @returns the options without what says how a search is chosen: labels, contributors, steps of the autoencoder and of selections
 * @example
 * searchOptionsOf({ prior: "pixel", labels: "inferred", autoencoderSteps: 1, steps: 250 }); // { steps: 250 }
 */
export function searchOptionsOf(
  attacker: AttackerOptions & { readonly contributors?: unknown },
): Omit<InvertOptions, "prior"> {
  const { prior: _prior, labels: _labels, contributors: _contributors, autoencoderSteps: _steps, ...rest } = attacker;
  const { labelSearch: _labelSearch, selectionSteps: _selectionSteps, separate: _separate, ...options } = rest;
  return options;
}
