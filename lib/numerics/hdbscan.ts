/** @file Density-based clusters of few points, from their distances. */

/**
 * HDBSCAN*: clusters of points that lie denser than what is between them. With one sample a core point (min_samples = 1) the
 * mutual reachability distance is the distance itself. The root of the hierarchy, all points, may be a cluster
 * (allow_single_cluster), and clusters are chosen by excess of mass.
 *
 * The hierarchy is single linkage: lowering the allowed distance from infinity, groups fall apart. A group of fewer than minClusterSize
 * points is no cluster: its points leave at density lambda = 1/distance. One that falls into two clusters ends there.
 *
 *     stability(C) = sum over points p of C of (lambda at which p leaves C - lambda at which C begins)
 *
 * A cluster is chosen where no choice below it has a higher total stability. All points of a chosen cluster belong to it; of the root,
 * if it is chosen, only those that stayed to its end. Points at distance 0 are never told apart.
 *
 * @param distances [n][n], symmetric, finite, >= 0, zeros on the diagonal
 * @param minClusterSize points that make a cluster, an integer >= 2
 * @returns [n], the number of each point's cluster, counted from 0 by their first points, or -1 for noise; some point always
 *   has a cluster when minClusterSize <= n
 * @example
 * const at = [0, 0.1, 0.25, 5, 5.1, 5.3, 20];
 * hdbscan(at.map((a) => at.map((b) => Math.abs(a - b))), 3); // [0, 0, 0, 1, 1, 1, -1]
 * @source Campello et al. 2013 and 2015; which points of a chosen root are noise, as in the reference implementation (McInnes et al. 2017).
 *   Libraries on npm have no root that may be chosen, or other clusters
 */
export function hdbscan(distances: readonly (readonly number[])[], minClusterSize: number): number[] {
  const n = distances.length;
  const labels = new Array<number>(n).fill(-1);
  if (n < minClusterSize) return labels;
  const root = condense(singleLinkage(distances), 0, minClusterSize);
  const members = chooseBelow(root).clusters.map((cluster) => {
    const stayed = leavingOf(cluster).filter(({ lambda }) => cluster !== root || lambda >= root.end);
    return stayed.map(({ point }) => point).sort((a, b) => a - b);
  });
  members.sort(([a], [b]) => a! - b!).forEach((points, label) => points.forEach((point) => (labels[point] = label)));
  return labels;
}

/** A group of single linkage: a point, or two groups that join at a distance. */
interface Group {
  readonly points: readonly number[];
  readonly distance: number; // 0 for a point
  readonly parts: readonly Group[]; // none for a point
}

interface Leaving {
  readonly point: number;
  readonly lambda: number;
}

/** A group on its way up in density, until it falls apart. */
interface Cluster {
  readonly begin: number; // lambda
  readonly end: number; // lambda at which it falls into two clusters, or into none
  readonly leaving: readonly Leaving[]; // points that fall out as noise, or at the end
  readonly children: readonly Cluster[]; // two, or none
}

/** Kruskal's minimum spanning tree as a tree of groups: the shortest distance between two groups joins them. */
function singleLinkage(distances: readonly (readonly number[])[]): Group {
  const groupOf: Group[] = distances.map((_, point) => ({ points: [point], distance: 0, parts: [] }));
  const edges = distances.flatMap((row, i) => row.slice(0, i).map((distance, j) => ({ i, j, distance })));
  edges.sort((a, b) => a.distance - b.distance);
  for (const { i, j, distance } of edges) {
    const [a, b] = [groupOf[i]!, groupOf[j]!];
    if (a === b) continue;
    const joined = { points: [...a.points, ...b.points], distance, parts: [a, b] };
    for (const point of joined.points) groupOf[point] = joined;
  }
  return groupOf[0]!;
}

/** The condensed tree from a group down: points leave until two large parts are left, which are clusters. */
function condense(group: Group, begin: number, minClusterSize: number): Cluster {
  const leaving: Leaving[] = [];
  for (;;) {
    const lambda = 1 / group.distance; // infinite where points coincide; these join one by one, so no cluster begins there
    const large = group.parts.filter(({ points }) => points.length >= minClusterSize);
    if (large.length === 2) {
      return { begin, end: lambda, leaving, children: large.map((part) => condense(part, lambda, minClusterSize)) };
    }
    const [stays] = large;
    const gone = stays === undefined ? [group] : group.parts.filter((part) => part !== stays);
    leaving.push(...gone.flatMap(({ points }) => points.map((point) => ({ point, lambda }))));
    if (stays === undefined) return { begin, end: lambda, leaving, children: [] };
    group = stays;
  }
}

/** The choice of highest stability among a cluster and those below it. */
function chooseBelow(cluster: Cluster): { clusters: readonly Cluster[]; stability: number } {
  const below = cluster.children.map(chooseBelow);
  const sum = below.reduce((total, { stability }) => total + stability, 0);
  const own = leavingOf(cluster).reduce(
    (total, { lambda }) => total + Math.min(lambda, cluster.end) - cluster.begin,
    0,
  );
  return sum > own
    ? { clusters: below.flatMap(({ clusters }) => clusters), stability: sum }
    : { clusters: [cluster], stability: own };
}

/** All points of a cluster, each with the density at which it leaves the last cluster it is in. */
function leavingOf({ leaving, children }: Cluster): Leaving[] {
  return [...leaving, ...children.flatMap(leavingOf)];
}
