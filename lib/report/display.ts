/** @file The one door to the notebook: a bundle of mime types goes out as one output. */
import { sep } from "node:path";

/** The same content in several mime types; the notebook shows the richest it knows. */
export type Bundle = Readonly<Record<string, unknown>> & { readonly "text/plain": string };

/** How the kernel sends an output; tslab's `lastWriteDisplayData`. */
type Write = (output: { data: Bundle; metadata: object; transient: { display_id?: string } }, update: boolean) => void;

/**
 * Shows one output: in a notebook all mime types at once, elsewhere the plain text on standard output.
 *
 * @param bundle content by mime type; text/plain is required
 * @param options.displayId a name by which a later call can replace this output
 * @param options.update true replaces the output of that name instead of adding one
 */
export function display(
  bundle: Bundle,
  options: { readonly displayId?: string; readonly update?: boolean } = {},
): void {
  const write = kernelWrite();
  if (write === undefined) return void process.stdout.write(bundle["text/plain"] + "\n");
  const transient = options.displayId === undefined ? {} : { display_id: options.displayId };
  write({ data: bundle, metadata: {}, transient }, options.update ?? false);
}

/** Whether this process is a notebook kernel with a cell to write to. */
export function inNotebook(): boolean {
  return kernelWrite() !== undefined;
}

/** Looks among the modules that are already loaded: the kernel's own tslab, wherever it lies, and nothing is loaded elsewhere. */
function kernelWrite(): Write | undefined {
  const file = `${sep}tslab${sep}dist${sep}jupyter.js`;
  const name = Object.keys(require.cache).find((path) => path.endsWith(file));
  const exports =
    name === undefined ? undefined : (require.cache[name]!.exports as { lastWriteDisplayData: Write | null });
  return exports?.lastWriteDisplayData ?? undefined;
}
