/**
 * @file RMSE over seconds, of several methods on the same views. A curve is [{ seconds, rmse }], seconds rising: what the method would
 * return if it was stopped then.
 */

/** What a curve has at a time; undefined before its first point. */
export const valueAt = (curve, seconds) => curve.findLast((point) => point.seconds <= seconds)?.rmse;

/** The mean over views, at every time at which one of their curves changes, from when all of them have begun. */
export function meanCurve(curves) {
  const times = [...new Set(curves.flatMap((curve) => curve.map(({ seconds }) => seconds)))].sort((a, b) => a - b);
  const begun = Math.max(...curves.map(([first]) => first.seconds));
  const meanAt = (seconds) => curves.reduce((sum, curve) => sum + valueAt(curve, seconds), 0) / curves.length;
  return times.filter((seconds) => seconds >= begun).map((seconds) => ({ seconds, rmse: meanAt(seconds) }));
}

/** The first time at which a curve is at most so high; Infinity where it never is. */
export const reaches = (curve, rmse) => curve.find((point) => point.rmse <= rmse)?.seconds ?? Infinity;

const last = (curve) => curve.at(-1);
const NEAR = 1.01; // times its final RMSE, where a method counts as being there: what follows does not count against it

/**
 * Sets our curve against theirs.
 *
 * At equal seconds: at the time each method ends, ours / the best of theirs that has begun; the worst of these counts. Below 1: ours is
 * nearer. Ours is the guess until it has begun.
 * In time: the seconds of the best of theirs, by its final RMSE, until it is there / ours until it is as near. Above 1: ours is faster.
 * 0 where ours never gets there, and null where the best of theirs ends no nearer than the guess, for which no time is needed.
 *
 * @param ours a curve, as meanCurve gives it
 * @param theirs name -> curve
 * @param guess mean RMSE of the guess
 * @returns { best, final: name -> RMSE, equal: { ratio, seconds, ours, theirs, best }, time: { ratio, ours, theirs } | null }
 */
export function compareCurves(ours, theirs, guess) {
  const names = Object.keys(theirs);
  const lowest = (valueOf) => names.reduce((best, name) => (valueOf(name) < valueOf(best) ? name : best));
  const final = Object.fromEntries(names.map((name) => [name, last(theirs[name]).rmse]));
  const best = lowest((name) => final[name]);
  const ends = [ours, ...Object.values(theirs)].map((curve) => last(curve).seconds);
  const compared = ends.map((seconds) => {
    const valueOf = (name) => valueAt(theirs[name], seconds) ?? Infinity;
    const nearest = lowest(valueOf);
    const [own, other] = [valueAt(ours, seconds) ?? guess, valueOf(nearest)];
    return { seconds, ours: own, theirs: other, best: nearest, ratio: own / other };
  });
  const equal = compared.reduce((worst, one) => (one.ratio > worst.ratio ? one : worst));
  const needed = { ours: reaches(ours, final[best]), theirs: reaches(theirs[best], NEAR * final[best]) };
  const time = final[best] < guess ? { ...needed, ratio: needed.theirs / needed.ours } : null;
  return { best, final, equal, time };
}

/** The keys: over all problems the worst. A key that no problem tells of is left out. */
export function keysOf(comparisons) {
  const times = comparisons.flatMap(({ time }) => (time === null ? [] : [time.ratio]));
  return {
    ...(comparisons.length > 0 && {
      rmse_vs_best_at_equal_time: Math.max(...comparisons.map(({ equal }) => equal.ratio)),
    }),
    ...(times.length > 0 && { time_vs_best: Math.min(...times) }),
  };
}

/** Iterations at which a method shows what it has: all of the first few, then a fifth more each time, and the last. */
export function checkpoints(iterations) {
  const at = new Set([iterations]);
  for (let next = 1; next < iterations; next = Math.max(next + 1, Math.round(1.2 * next))) at.add(next);
  return [...at].sort((a, b) => a - b);
}
