/** @file The privacy budget of each setting as a dataframe: what its clients spend, and how loud its noise is. */
import { ensure } from "../core/errors";
import type { Dataset } from "../core/types";
import { privacies } from "../defense/privacies";
import type { PrivacyUnit } from "../defense/privacy/privacy";
import { spent, type PrivacyObserver } from "../defense/privacy/spent";
import type { Planned } from "../experiment/planned";
import { setUp } from "../fl/federation";
import { linesInOrder } from "./leakPanels";
import { formatReal } from "./number";
import type { Row } from "./table";

/**
 * What each private setting spends, for table(): epsilon for both units, as the server sees the messages and as another client sees
 * the aggregate (see spent), each for the seed that spends most, beside the noise.
 *
 *     columns  setting, clipNorm, noise, updateServer, updateClient, exampleServer, exampleClient
 *     noise    E ||xi||, about std sqrt(d), of what a client adds to the gradient of a local step, its batch's mean
 *
 * @param planned settings with their plans; those without a privacy mechanism get no row
 * @param dataset as loadDataset gives it, of which clients have their shards
 * @returns one row per private setting, in the style table's order; an epsilon is text, "none" where nothing is promised
 * @throws InputError when no plan is private, and as setUp and spent
 * @example
 * const privacyParameters = { ...defaultPrivacy, noiseMultiplier: 0 };
 * const planned = planEach(plan, [setting({ privacy: "localDp", privacyParameters })]);
 * budgetRows(planned, dataset).map((row) => [row.setting, row.updateServer]); // [["local DP, σ = 0", "none"]]
 */
export function budgetRows(planned: readonly Planned[], dataset: Dataset): Row[] {
  const noisy = planned.filter(({ plan }) => plan.federation.privacy !== "none");
  ensure(noisy.length > 0, "budgetRows", "needs a plan with a privacy mechanism", "none");
  return linesInOrder(noisy).map(({ setting, plan }) => {
    const { federation: config, seeds } = plan;
    const { privacy, privacyParameters: parameters, batchSize } = config;
    if (privacy === "none") throw new Error("filtered above");
    const runs = seeds.map((seed) => {
      const { network, partition } = setUp({ ...config, seed }, dataset);
      return { ...config, shardSizes: partition.clients.map(({ length }) => length), dimension: network.size };
    });
    const most = (unit: PrivacyUnit, observer: PrivacyObserver): string => {
      const epsilon = Math.max(...runs.map((run) => spent(privacy, parameters, run, { unit, observer }).epsilon));
      return epsilon === Infinity ? "none" : formatReal(epsilon);
    };
    const std = privacies[privacy].stepNoise(parameters, batchSize);
    return {
      setting: setting.label,
      clipNorm: parameters.clipNorm,
      noise: std * Math.sqrt(runs[0]!.dimension),
      updateServer: most("update", "server"),
      updateClient: most("update", "client"),
      exampleServer: most("example", "server"),
      exampleClient: most("example", "client"),
    };
  });
}
