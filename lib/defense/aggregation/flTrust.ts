/** @file FLTrust: the server trusts its own data. */
import { ensure, ensureFinite, refuse } from "../../core/errors";
import { ensureUpdates, refuseRound } from "../updates";
import { checkedAggregator } from "../checked";
import { combine, participationRatio, innerProduct, squaredNorms } from "../../numerics/linear";

/**
 * FLTrust: weighs every update by how far it points where the server's own update on a small root batch points, and gives all the
 * length of that.
 *
 * trust_i = max(0, cosine of updates[i] and rootUpdate);
 * update = sum_i trust_i updates[i] |rootUpdate| / |updates[i]| / sum_i trust_i
 *
 * An update of zeros points nowhere and has no trust. The server's own update is a measure, and does not enter.
 *
 * Its `aggregate` takes the updates [n][d], n >= 1, reads options.rootUpdate ([d]) and does not read f. It keeps the clients with
 * trust. It throws an InputError when rootUpdate is missing, of another length or not finite; and refuses the round when an update is
 * not finite, rootUpdate is zero, or nobody has trust. Public code adds 1e-9 to the sum of trust and so makes a step of zero length
 * then; aggregateRound makes the same one, and says why.
 *
 * @example
 * const updates = [[2, 0], [0, 5], [-9, -9]].map((row) => Float32Array.from(row));
 * flTrust.aggregate(updates, { f: 1, rootUpdate: Float32Array.of(3, 4) }).update; // [2.143, 2.857]; trust 0.6, 0.8 and 0
 * @source Cao et al. 2021
 */
export const flTrust = checkedAggregator({
  name: "flTrust",
  label: "FLTrust",
  source: "Cao et al. 2021",
  reads: [],
  needs: ["rootUpdate"],
  aggregate(updates, { rootUpdate }) {
    const { trust, weights } = trustScores(updates, rootUpdate);
    return {
      update: combine(updates, weights),
      kept: trust.flatMap((x, i) => (x > 0 ? [i] : [])),
      effectiveParticipants: participationRatio(weights),
      weights,
    };
  },
  /** With e = u / |u|, r the root's direction, R its length, T all trust: u_i moves e_i, and that both its place and its trust. */
  pullBack(updates, { rootUpdate }, cotangent) {
    const { root, norms, rootNorm, trust, total } = trustScores(updates, rootUpdate);
    const along = updates.map((u, i) => (trust[i] === 0 ? 0 : innerProduct(u, cotangent) / norms[i]!)); // <e, c>
    const whole = along.reduce((sum, x, i) => sum + (rootNorm / total) * trust[i]! * x, 0); // <aggregate, c>
    return updates.map((u, i) => {
      if (trust[i] === 0) return new Float32Array(u.length);
      const ofTrust = (rootNorm * along[i]! - whole) / total;
      const ofPlace = (rootNorm * trust[i]!) / total;
      const parallel = ofTrust * trust[i]! + ofPlace * along[i]!; // what lengthens u alone is lost
      const length = norms[i]!;
      return combine([root, cotangent, u], [ofTrust / rootNorm / length, ofPlace / length, -parallel / length ** 2]);
    });
  },
});

/** What FLTrust makes of every update. */
interface TrustScores {
  readonly root: Float32Array;
  readonly rootNorm: number;
  readonly norms: readonly number[];
  readonly trust: readonly number[];
  readonly total: number; // of trust
  readonly weights: readonly number[];
}

/** The trust in every update, and the weights that follow. */
function trustScores(updates: readonly Float32Array[], rootUpdate: Float32Array | undefined): TrustScores {
  const norms = ensureUpdates("flTrust", updates).map(Math.sqrt);
  if (rootUpdate === undefined)
    refuse("flTrust", "needs the server's own update", "none", "give it in options.rootUpdate");
  const d = updates[0]!.length;
  ensure(rootUpdate.length === d, "flTrust", `needs a rootUpdate of d = ${d} numbers`, rootUpdate.length);
  ensureFinite("flTrust", "rootUpdate", rootUpdate);
  const rootNorm = Math.sqrt(squaredNorms([rootUpdate])[0]!);
  if (rootNorm === 0) refuseRound("flTrust", "needs a rootUpdate that points somewhere", "zeros");
  const trust = updates.map((update, i) =>
    norms[i] === 0 ? 0 : Math.max(0, innerProduct(update, rootUpdate) / (norms[i]! * rootNorm)),
  );
  const total = trust.reduce((sum, x) => sum + x, 0);
  if (total === 0) refuseRound("flTrust", "needs an update that points where rootUpdate does", "none");
  const weights = trust.map((x, i) => (x === 0 ? 0 : (x * rootNorm) / norms[i]! / total));
  return { root: rootUpdate, rootNorm, norms, trust, total, weights };
}
