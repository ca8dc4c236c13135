/** @file A progress bar with a time estimate, in the notebook or in the terminal. */
import { display, inNotebook, type Bundle } from "./display";
import { escapeHtml } from "./markup";

/** What a headless runner reads, under the mime type progressMime. */
export interface ProgressState {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly seconds: number; // since the bar was made
  readonly etaSeconds: number | null; // null before the first step is done
}

/** A bar. Its functions may be handed around without it: train(config, { onProgress: bar.update }). */
export interface Progress {
  /** Says how far it is; drawn at most four times a second, and always at the end. */
  readonly update: (done: number, total: number, note?: string) => void;
  /** Replaces the bar by one line with the time it took. */
  readonly done: () => void;
}

/** Where a bar goes; other than the default only in tests. */
export interface ProgressOutput {
  /** Milliseconds. */
  readonly now: () => number;
  /** Draws. */
  readonly show: (bundle: Bundle, isFirst: boolean, isLast: boolean) => void;
}

/** The mime type of ProgressState. */
export const progressMime = "application/x-curious-progress+json";

const interval = 250; // ms between drawings
let count = 0;

/**
 * Starts a progress bar: in a notebook one output that is replaced, in a terminal one line, elsewhere nothing.
 *
 * etaSeconds = seconds (total - done) / done
 *
 * @param label what is being done, in a few words
 * @param output where to draw and what time it is; for tests
 * @returns update and done
 * @example
 * const bar = progressBar("training");
 * await train(config, dataset, { onRound: ({ round }, rounds) => bar.update(round, rounds) });
 * bar.done();
 */
export function progressBar(label: string, output: ProgressOutput = defaultOutput()): Progress {
  const start = output.now();
  let last: { done: number; total: number } = { done: 0, total: 1 };
  let drawnAt = -Infinity;
  let isFirst = true;

  function draw(note: string | undefined, isLast: boolean): void {
    const now = output.now();
    const { done, total } = last;
    const passed = (now - start) / 1000;
    const tenths = (value: number): number => Math.round(10 * value) / 10;
    const seconds = tenths(passed);
    const etaSeconds = done > 0 ? tenths((passed * (total - done)) / done) : null;
    const text = isLast ? `${label}: ${duration(seconds)}` : line(label, { done, total, seconds, etaSeconds }, note);
    const state: ProgressState = { label, done, total, seconds, etaSeconds };
    const bar = isLast ? "" : `<progress value="${done}" max="${total}" style="width: 240px"></progress> `;
    const html = `<div style="font-family: sans-serif; font-size: 13px">${bar}${escapeHtml(text)}</div>`;
    output.show({ [progressMime]: state, "text/html": html, "text/plain": text }, isFirst, isLast);
    isFirst = false;
    drawnAt = now;
  }
  return {
    update(done, total, note) {
      last = { done, total };
      if (output.now() - drawnAt >= interval || done >= total) draw(note, false);
    },
    done() {
      last = { ...last, done: last.total };
      draw(undefined, true);
    },
  };
}

function line(
  label: string,
  { done, total, seconds, etaSeconds }: Omit<ProgressState, "label">,
  note?: string,
): string {
  const left = etaSeconds === null ? "" : `, about ${duration(etaSeconds)} left`;
  return `${label}: ${done} of ${total}, ${duration(seconds)}${left}${note === undefined ? "" : `, ${note}`}`;
}

/** "9.5 s", "42 s", "3 min 05 s", "2 h 07 min". */
function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.floor(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** A cell's output in a notebook, a line on a terminal, nothing else. */
function defaultOutput(): ProgressOutput {
  const displayId = `progress-${process.pid}-${++count}`;
  return {
    now: () => performance.now(),
    show(bundle, isFirst, isLast) {
      if (inNotebook()) display(bundle, { displayId, update: !isFirst });
      else if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${bundle["text/plain"]}${isLast ? "\n" : ""}`);
    },
  };
}
