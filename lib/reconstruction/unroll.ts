/** @file Gradient matching through several local steps: the dummy clients train as the observed ones did. */
import { tf, type Tensor } from "../core/backend";
import { asTensor } from "../model/layers/product";
import { differentiate, gradientsAlong, type Network, type Pass } from "../model/network";
import { packWeights, stackTargets, unpackWeights } from "../model/stack";
import { gradientDistance, type ObjectiveName } from "./objective";

/** One step's worth of matching, of images laid out by local step. */
export interface UnrolledMatching {
  readonly value: () => Tensor; // [S], D
  readonly imagesGradients: readonly Tensor[]; // one per batch, [B, H, W, S·n·C], dD/dx
}

/** How dummy clients train, and what the server makes of what they send. */
export interface Unrolling {
  /** eta, of the local steps. */
  readonly learningRate: number;
  /** tau, of which step t trains on batch t mod the number of batches; default one per batch. */
  readonly localSteps?: number | undefined;
  /** mu, from 0 on in each round; default 0. */
  readonly momentum?: number | undefined;
  /** [n], what a client weighs in the mean, of sum 1; default all alike. */
  readonly weights?: readonly number[] | undefined;
}

/**
 * The matching distance of what n dummy clients would have sent after tau local steps, and its gradient in all their images.
 *
 * Every dummy client m, of weight p_m (default 1 / n), trains by itself from the broadcast:  w_(m,0) = w,  w_(m,t+1) = w_(m,t) - eta s_(m,t),
 * s_(m,t) = mu s_(m,t-1) + g_(m,t),  g_(m,t) = grad_w L(w_(m,t); x_(m,t)),  and what is held against g* is
 * G = (1 / tau) sum_m p_m sum_t s_(m,t).
 *
 * Its derivative, for each client (m left out). Let v = p dD/dG / tau, u_t = dD/ds_t = dD/dg_t and l_t = dD/dw_t, the total derivatives.
 * s_t enters G directly, s_(t+1) with mu and w_(t+1) with -eta, so u_t = v + mu u_(t+1) - eta l_(t+1); w_t enters g_t and w_(t+1), so
 * l_t = l_(t+1) + H_t u_t with the Hessian H_t of L(.; x_t) at w_t. Nothing reads w_tau but G itself, l_tau = u_tau = 0. With
 * q_t = v - eta l_(t+1) hence
 *
 *     q_(tau-1) = v,  u_t = q_t + mu u_(t+1),  q_(t-1) = q_t - eta H_t u_t,  dD/dx_t = grad_x <grad_w L(w_t; x_t), u_t>
 *
 * Both derivatives of step t come from one R-pass along u_t. A batch of several steps has the sum of theirs. At tau = 1 it is
 * matchGradient.
 *
 * @param network the model both sides use
 * @param weights w as unpackWeights gives them, [S·n, ...], a view's clients side by side
 * @param observed t of createTarget for the same objective, [S, d]
 * @param images x, one tensor per batch, [B, H, W, S·n·C]
 * @param targets one per batch, [S·n, B, K]
 * @param objective "squared" | "cosine"
 * @param how see Unrolling
 * @returns the distances [S], computed when asked for, and dD/dx per batch; the caller's tidy owns them, and tau passes until then
 * @example
 * const { weights, images, targets } = stacked;
 * const { whole } = createTarget(network, tf.ones([1, network.size]), "cosine");
 * const how = { learningRate: 0.1 };
 * const { imagesGradients } = matchUnrolled(network, weights, whole, [images, images], [targets, targets], "cosine", how);
 * imagesGradients.length; // 2
 * @source our derivation (the adjoint of gradient descent); McMahan et al. 2017 for the local steps
 */
export function matchUnrolled(
  network: Network,
  weights: readonly Tensor[],
  observed: Tensor,
  images: readonly Tensor[],
  targets: readonly Tensor[],
  objective: ObjectiveName,
  how: Unrolling,
): UnrolledMatching {
  const { layer, size } = network;
  const { learningRate, localSteps = images.length, momentum = 0 } = how;
  const views = observed.shape[0];
  const clients = targets[0]!.shape[0] / views;
  const shares = how.weights ?? new Array<number>(clients).fill(1 / clients);
  const each = tf.tensor3d([...shares], [1, clients, 1]);
  const against = (from: readonly Tensor[], gradient: readonly Tensor[]): Tensor[] =>
    from.map((x, i) => tf.sub(x, tf.mul(gradient[i]!, learningRate)));

  const passes: Pass[] = [];
  let local = weights;
  let sum: Tensor[] = [];
  let step: Tensor[] = [];
  for (let t = 0; t < localSteps; t++) {
    const pass = differentiate(network, local, images[t % images.length]!, targets[t % images.length]!);
    const g = pass.gradients.weights.map(asTensor);
    passes.push(pass);
    step = t === 0 || momentum === 0 ? g : g.map((x, i) => tf.add(x, tf.mul(step[i]!, momentum)));
    sum = t === 0 ? step : sum.map((x, i) => tf.add(x, step[i]!));
    if (t + 1 < localSteps) local = against(local, step);
  }
  const perClient = tf.reshape(packWeights(layer, sum), [views, clients, size]);
  const mean = tf.div(tf.sum(tf.mul(perClient, each), 1), localSteps);
  const { value, derivative } = gradientDistance(mean, observed, objective);

  const ofClients = tf.mul(tf.div(tf.reshape(derivative, [views, 1, size]), localSteps), each);
  let q = unpackWeights(layer, tf.reshape(ofClients, [views * clients, size]));
  let u = q;
  const imagesGradients = new Array<Tensor | undefined>(images.length);
  for (let t = localSteps - 1; t >= 0; t--) {
    const { input, weights: curvature } = gradientsAlong(passes[t]!, u, t > 0 ? "both" : "input");
    const others = imagesGradients[t % images.length];
    imagesGradients[t % images.length] = others === undefined ? input! : tf.add(others, input!);
    if (t === 0) break;
    q = against(q, curvature.map(asTensor));
    u = momentum === 0 ? q : q.map((x, i) => tf.add(x, tf.mul(u[i]!, momentum)));
  }
  return { value, imagesGradients: imagesGradients as Tensor[] };
}

/**
 * A view's images by local step: those of client m, step t and place b stand at (m tau + t) B + b.
 *
 * @param images [n·tau·B, H, W, S·C]
 * @param views S
 * @param clients n
 * @param localSteps tau
 * @returns [tau] of [B, H, W, S·n·C]; the caller's tidy owns them
 * @example
 * byStep(tf.zeros([6, 2, 2, 1]), 1, 3, 2).map(({ shape }) => shape); // [[1, 2, 2, 3], [1, 2, 2, 3]]
 */
export function byStep(images: Tensor, views: number, clients: number, localSteps: number): Tensor[] {
  const [count, h, w, channels] = images.shape as [number, number, number, number];
  if (clients === 1) return tf.split(images, localSteps);
  const batch = count / clients / localSteps;
  const parts = tf.reshape(images, [clients, localSteps, batch, h * w, views, channels / views]);
  return tf.split(
    tf.reshape(tf.transpose(parts, [1, 2, 3, 4, 0, 5]), [count / clients, h, w, clients * channels]),
    localSteps,
  );
}

/**
 * The inverse of byStep.
 *
 * @param steps [tau] of [B, H, W, S·n·C]
 * @param views S
 * @param clients n
 * @returns [n·tau·B, H, W, S·C]; the caller's tidy owns it
 * @example
 * fromSteps(byStep(tf.reshape(tf.range(0, 12), [6, 1, 2, 1]), 1, 3, 2), 1, 3).dataSync(); // [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
 */
export function fromSteps(steps: readonly Tensor[], views: number, clients: number): Tensor {
  const all = tf.concat([...steps], 0);
  if (clients === 1) return all;
  const [count, h, w, channels] = all.shape as [number, number, number, number];
  const [localSteps, perView] = [steps.length, channels / clients / views];
  const parts = tf.reshape(all, [localSteps, count / localSteps, h * w, views, clients, perView]);
  return tf.reshape(tf.transpose(parts, [4, 0, 1, 2, 3, 5]), [clients * count, h, w, views * perView]);
}

/**
 * Labels as targets by local step, in the order of byStep.
 *
 * @param labels S arrays of n·tau·B labels
 * @param clients n
 * @param localSteps tau
 * @param numClasses K
 * @returns [tau] of [S·n, B, K]; the caller's tidy owns them
 * @example
 * targetsByStep([[0, 1, 2, 0]], 2, 2, 3).map(({ shape }) => shape); // [[2, 1, 3], [2, 1, 3]]
 */
export function targetsByStep(
  labels: readonly ArrayLike<number>[],
  clients: number,
  localSteps: number,
  numClasses: number,
): Tensor[] {
  const batch = labels[0]!.length / clients / localSteps;
  const at = (t: number): number[][] =>
    labels.flatMap((all) =>
      Array.from({ length: clients }, (_, m) =>
        Array.from({ length: batch }, (_, b) => all[(m * localSteps + t) * batch + b]!),
      ),
    );
  return Array.from({ length: localSteps }, (_, t) => stackTargets(at(t), numClasses));
}
