// ---
// jupyter:
//   kernelspec:
//     display_name: TypeScript (curious-inside)
//     language: typescript
//     name: tslab
// ---

// %% [markdown]
// # 07 · Theorem 1, checked where it can be exact
//
// **Question.** Does a larger objective gap really make a client's images easier to reconstruct, and under which assumptions?
//
// Paper: Theorem 1, Remarks 1, 4 and 5. Needs 01 for the words. What it says on LeNet-5: 18_theorem_1_on_lenet5. Time on two cores:
// quick 1 minute.
//
// **What is the paper's and what is ours.** The paper states: the larger the gap $\Delta^{(k)} = F(w^{(k)}) - F^*$, the lower the
// reconstruction error (Theorem 1); fewer effective participants, lower error (Remark 4); robust rules slow convergence (Remark 1);
// FedAvg with several local steps is left open (Remark 5). Its proof was not at hand. Everything below is **our own derivation** of
// bounds with these properties; the paper's constants may differ. Lines are numbered; `lib/theory` cites them.
//
// Everything here is a federation that can be solved exactly: quadratics, least squares, softmax regression.

// %% [markdown]
// ## What is claimed, and how it is tested
// Written before the run.
//
// | id | setting | number tested | holds if |
// |---|---|---|---|
// | T1 | no violation, by part of the derivation | fraction of random instances that violate a line | below 0.01 |
// | T1 | quadratics | slope of log error against log Δ (predicted −1) | below 0 |
// | T2 | quadratics | slope of log error against log(1 − 1/M_eff) (predicted 1) | above 0 |
// | T1 | softmax, real images | RMSE at the last round − at the first | above 0 |
// | T2 | softmax, real images | RMSE from the mean of nine peers − of two | above 0 |
//
// An inequality that is proved cannot be "reproduced"; a check on random instances finds mistakes in the proof or in the code. No
// violation in $n$ instances leaves the interval $[0,\, 1 - 0.025^{1/n}]$ for their fraction (Clopper and Pearson).

// %%
import { byProfile, createRng, defaultFederation, loadDataset, progressBar, stampOf } from "curious-inside";
import { followAnalyticLeak, estimateMean, estimateProportion, pairedDifference } from "curious-inside";
import { ensureParameter, table, showLines, showFigure, decide, claimTable, writeRecord } from "curious-inside";
import { theory, theoryReport } from "curious-inside";
const { checkTheory, sampleTheory, sweepBound, powerSlope, predictedSlopes, tightness, attained } = theory;
const { expectedDispersion, reconstructionBound, youngBound, drawQuadratic, plus, unitVector } = theory;
const { compareBackfire } = theory;
const { analyticLeakPanels, backfirePanels, sweepPanel, slackFigure } = theoryReport;

// %% tags=["parameters"]
const instances = byProfile({ smoke: 50, quick: 1500, paper: 10000 }); // of every line: our choice
const sampled = byProfile({ smoke: 3, quick: 40, paper: 200 }); // instances whose expectations are drawn too: our choice
const samples = byProfile({ smoke: 100, quick: 2000, paper: 10000 }); // draws of each: our choice
const manySeeds = Array.from({ length: 30 }, (_, i) => i + 1);
const seeds = byProfile({ smoke: [1, 2], quick: manySeeds.slice(0, 10), paper: manySeeds }); // our choice
const draws = byProfile({ smoke: 20, quick: 400, paper: 2000 }); // of the noise, at every point of a sweep: our choice
const noises = { samplingStd: 3, dpStd: 1, clipNorm: 3 }; // σ, s, C of section 8: our choice
const size = { rounds: 80, runs: byProfile({ smoke: 2, quick: 30, paper: 200 }) }; // of section 8: our choice
const softmax = {
  ...defaultFederation, // M = 10, Fashion-MNIST, non-IID: paper §5; the rest: README, Decisions
  architecture: "softmaxRegression" as const, // not the paper's: the convex model whose gradients can be read
  rounds: byProfile({ smoke: 5, quick: 100, paper: 100 }), // our choice
};

// %%
ensureParameter("instances", instances, { from: 50 }); // fewer leave lines without an instance
ensureParameter("sampled", sampled, { from: 1 });
ensureParameter("samples", samples, { from: 2 });
ensureParameter("seeds", seeds, { from: 0 }, { count: 2 });
ensureParameter("draws", draws, { from: 2 });
for (const [name, value] of Object.entries(noises)) ensureParameter(`noises.${name}`, value, { above: 0 });
ensureParameter("size.rounds", size.rounds, { from: 2 });
ensureParameter("size.runs", size.runs, { from: 1 });
ensureParameter("softmax.architecture", softmax.architecture, ["softmaxRegression"]); // its first layer is read
ensureParameter("softmax.batchSize", softmax.batchSize, [1]);
ensureParameter("softmax.numClients", softmax.numClients, { from: 4 }); // two peers are compared with more
ensureParameter("softmax.rounds", softmax.rounds, { from: 1 });

// %% [markdown]
// ## 1. The setting
// $M$ clients, $F = \frac1M \sum_m F_m$. Client $m$ sends its gradient; $b_m$ is what makes it different, $n_m$ the noise of its batch:
//
// $$g_m = \nabla F_m(w) + n_m = \nabla F(w) + b_m + n_m, \qquad \textstyle\sum_m b_m = 0 \tag{1}$$
//
// The maliciously curious client sees a weighted mean over a set $K$ of honest clients. The victim $i$ is drawn from $K$ with
// probability $w_i$:
//
// $$\bar g = \sum_{i\in K} w_i g_i, \quad \sum_i w_i = 1, \qquad M_\text{eff} = 1 \big/ \sum_i w_i^2 \tag{2}$$
//
// | | assumption | in this notebook |
// |---|---|---|
// | A1 | $F$ is $L$-smooth | computed: largest eigenvalue |
// | A2 | Polyak–Łojasiewicz: $\lVert\nabla F(w)\rVert^2 \ge 2\mu\Delta$ | computed: smallest eigenvalue |
// | A3 | $n_m$ independent, mean 0, $\mathbb E\lVert n_m\rVert^2 \le \sigma^2$ | drawn so; §9 strains it |
// | A4 | the inversion $R$ is Lipschitz in **relative** error: $\lVert R(g) - R(g')\rVert \le L_R \lVert g-g'\rVert / \lVert\nabla F(w)\rVert$, and inverts a lone gradient up to $\varepsilon_0$: $\mathbb E\lVert R(g_i) - x_i\rVert^2 \le \varepsilon_0^2$ | exact for linear maps, proved for scale-free ones (9), computed for softmax (10) |
//
// All expectations are **given $w^{(k)}$**: Δ is a number, not a mean. As $1/\Delta$ is convex, putting $\mathbb E\Delta$ in its place would
// make the bound too small.

// %% [markdown]
// ## 2. The theorem
// **Step 1: how far is the observed gradient from the victim's?** In one round, whatever the noise and however $K$ was chosen, the
// mean squared distance over victims is the dispersion
//
// $$V = \sum_{i\in K} w_i \lVert g_i - \bar g\rVert^2 \tag{3}$$
//
// If $K$ does not depend on the noise, cross terms vanish; victim $i$ contributes $(1-w_i)^2\sigma^2 + \sum_{j\ne i} w_j^2\sigma^2$, and
//
// $$\mathbb E V = B := \sigma^2\Big(1 - \frac{1}{M_\text{eff}}\Big) + \zeta_K^2, \qquad \zeta_K^2 = \sum_{i\in K} w_i \lVert b_i - \textstyle\sum_j w_j b_j\rVert^2 \tag{4}$$
//
// **Step 2: through the inversion.** By A4, the root mean square of $R(\bar g) - R(g_i)$ obeys
//
// $$\sqrt{\mathbb E\lVert R(\bar g) - R(g_i)\rVert^2} \le L_R \sqrt{B} \,/\, \lVert\nabla F\rVert \tag{5}$$
//
// **Step 3: add the error of a lone inversion.** $\hat x_i - x_i = (R(\bar g) - R(g_i)) + (R(g_i) - x_i)$. The triangle inequality of
// root mean squares (Minkowski), and A2 in the form $\lVert\nabla F\rVert \ge \sqrt{2\mu\Delta}$, give
//
// $$\boxed{\;\mathbb E\lVert\hat x_i - x_i\rVert^2 \le \Big(\varepsilon_0 + L_R\sqrt{\frac{B}{2\mu\Delta}}\Big)^2\;} \tag{6}$$
//
// With $\lVert a+b\rVert^2 \le 2\lVert a\rVert^2 + 2\lVert b\rVert^2$ in place of the triangle inequality one gets a looser form:
//
// $$\mathbb E\lVert\hat x_i - x_i\rVert^2 \le 2\varepsilon_0^2 + L_R^2 \frac{B}{\mu\Delta} \tag{7}$$
//
// The bound falls as Δ grows (T1), falls as $M_\text{eff}$ falls, and is $\varepsilon_0^2$ for a lone client (T2). It speaks of victims
// **inside** $K$; of the others the observed gradient says nothing.

// %%
const constants = { objectiveGap: 2, plConstant: 0.5, lipschitz: 1, inversionError: 0.1 }; // Δ, μ, L_R, ε0
const exampleRows = [1, 2, 5, 10].map((clients) => {
  const dispersion = expectedDispersion({ samplingStd: 1, heterogeneity: 0, effectiveParticipants: clients });
  const terms = { ...constants, dispersion };
  const both = { "bound (6)": reconstructionBound(terms), "bound (7)": youngBound(terms) };
  return { M_eff: clients, "B (4)": dispersion, ...both };
});
table(exampleRows, { title: "Δ = 2, μ = 0.5, L_R = 1, ε0 = 0.1, σ = 1, ζ = 0" });

// %% [markdown]
// ## 3. What the theorem does not say by itself
// **An upper bound that falls is not an error that falls.** For "poisoning pays" one needs the other side too. If the inversion also
// keeps gradients apart, $\lVert R(g)-R(g')\rVert \ge \ell_R\lVert g-g'\rVert/\lVert\nabla F\rVert$, then, as smoothness gives
// $\lVert\nabla F\rVert^2 \le 2L\Delta$,
//
// $$\mathbb E\lVert\hat x_i - x_i\rVert^2 \ge \max\Big(0,\; \ell_R\sqrt{\frac{B}{2L\Delta}} - \varepsilon_0\Big)^2 \tag{8}$$
//
// **A4 carries the weight.** An inversion that is Lipschitz in the *absolute* error has no Δ in its bound at all. Two cases in which A4
// need not be assumed:
//
// *Scale-free inversions* (cosine matching) are $R(g) = r(g/\lVert g\rVert)$ with $r$ Λ-Lipschitz. Noise can make the norms of
// $\bar g$ and $g_i$ small, so we compare both with $\nabla F$, by $\lVert g/\lVert g\rVert - u/\lVert u\rVert\rVert \le 2\lVert g-u\rVert/\lVert u\rVert$.
// Then (6) holds with $L_R = 2\Lambda$, and in place of $B$
//
// $$B_0 = \Big(\sqrt{\sigma^2/M_\text{eff} + \lVert\bar b_K\rVert^2} + \sqrt{\sigma^2 + \zeta_K^2 + \lVert\bar b_K\rVert^2}\Big)^2 \tag{9}$$
//
// *The analytic leak* of a softmax layer, $R(g) = g_{W,k}/g_{c,k}$ (row of weights over its bias), one sample per client:
//
// $$R(\bar g) - x_i = \frac{(\bar g - g_i)_{W,k} - (\bar g - g_i)_{c,k}\, x_i}{\bar g_{c,k}} \;\Rightarrow\; L_R = \sqrt{1 + \max_i\lVert x_i\rVert^2}\;\frac{\lVert\nabla F\rVert}{|\bar g_{c,k}|} \tag{10}$$

// %% [markdown]
// ## 4. Differential privacy, and when it backfires
// Clients add noise of standard deviation $s$ to each of $d$ coordinates. The victim's own gradient is clean, the mean is not:
//
// $$B \;\to\; B + d s^2 / M_\text{eff} \tag{11}$$
//
// So noise protects at once, and exposes later by keeping Δ high. With equal $B$ in both runs, the noisy run's bound is lower if and
// only if
//
// $$\frac{\Delta_\text{noise}^{(k)}}{\Delta_\text{clean}^{(k)}} > 1 + \frac{d s^2}{M_\text{eff} B} \tag{12}$$
//
// (never, at $B = 0$: a lone client has nothing left to lose). **Can it happen?** On a strongly convex quadratic, with $K$ everybody, unbiased noise
// and $\eta \le 1/L$, the noise adds to the gap at most $\sum_j \frac{\eta s^2}{2M(2-\eta\lambda_j)} \le \frac{\eta d s^2}{2M(2-\eta L)}$.
// Inserted in (12): where the bound backfires, $\Delta_\text{clean} < \frac{\eta B}{2(2-\eta L)}$, and so
//
// $$\frac{B}{\mathbb E\lVert\nabla F\rVert^2} \ge \frac{B}{2L\Delta_\text{clean}} > \frac{2-\eta L}{\eta L} \ge 1 \tag{13}$$
//
// **Additive noise alone backfires only where the clean gradient is already buried** in the differences between clients, and nothing is left to
// expose. Clipping is another matter: it caps the step at $\eta C$, the gap stays open, and a scale-free inversion does not even notice it.
// §8 shows both.

// %% [markdown]
// ## 5. One round of progress
// Smoothness along the step $-\eta u$ holds for every draw:
//
// $$F(w-\eta u) \le F - \eta\langle\nabla F, u\rangle + \tfrac{L\eta^2}{2}\lVert u\rVert^2 \tag{14}$$
//
// Let the aggregate have $\mathbb E u = \rho\nabla F + b$ and $\mathbb E\lVert u - \mathbb E u\rVert^2 \le v$. Then
//
// $$\mathbb E\Delta^+ \le \Delta - \eta\rho\big(1-\tfrac{L\eta\rho}{2}\big)\lVert\nabla F\rVert^2 - \eta(1-L\eta\rho)\langle\nabla F,b\rangle + \tfrac{L\eta^2}{2}(\lVert b\rVert^2 + v) \tag{15}$$
//
// If only $\lVert b\rVert$ is known, write $c = \nabla F + b/\rho$ and $\langle\nabla F,c\rangle = \frac12(\lVert\nabla F\rVert^2+\lVert c\rVert^2-\lVert b\rVert^2/\rho^2)$;
// for $0<\eta\rho\le 1/L$ the $\lVert c\rVert^2$ drop out, and A2 gives
//
// $$\mathbb E\Delta^+ \le (1-\mu\eta\rho)\Delta + \frac{\eta\lVert b\rVert^2}{2\rho} + \frac{L\eta^2 v}{2} \tag{16}$$
//
// If $b=0$, (15) gives for $0<\eta\rho\le 2/L$, twice as far,
//
// $$\mathbb E\Delta^+ \le \big(1-2\mu\eta\rho(1-\tfrac{L\eta\rho}{2})\big)\Delta + \frac{L\eta^2 v}{2} \tag{17}$$
//
// Averaged over **who** is malicious or chosen, the biases cancel, and (17) holds with
//
// $$v \;\to\; \mathbb E v + \mathbb E\lVert b\rVert^2 \tag{18}$$
//
// Rules that look at the noise leave no simple $\rho, b, v$. For them (16) with $u$ itself as the mean holds draw by draw, for $\eta\le1/L$:
//
// $$\Delta^+ \le (1-\mu\eta)\Delta + \tfrac{\eta}{2}\lVert u-\nabla F\rVert^2 \tag{19}$$
//
// And from below, for $\mu$-strongly convex $F$ and $b=0$, since a slow *bound* is no slow *run*:
//
// $$\mathbb E\Delta^+ \ge \theta\Delta + \frac{\mu\eta^2 v}{2} \tag{20}$$
//
// with $\theta = \max\big(0,\, 1-2L\eta\rho(1-\frac{\mu\eta\rho}{2})\big)$ for $0\le\eta\rho\le 2/\mu$, and $\theta = (1-\mu\eta\rho)^2$ else: for
// $\rho<0$ (sign flipping with $\kappa>M-1$) the gap **grows**.

// %% [markdown]
// | case | $\rho$ | $b$ | $v$ |
// |---|---|---|---|
// | honest mean | 1 | 0 | $\sigma^2/M$ |
// | sign flip $\kappa$ by client $a$ | $(M-1-\kappa)/M$ | $-(1+\kappa)b_a/M$ | $\sigma^2(M-1+\kappa^2)/M^2$ |
// | $c$ colluding sign flippers $C$ (pooled or not) | $(M-c-c\kappa)/M$ | $-(1+\kappa)\sum_{a\in C} b_a/M$ | $\sigma^2(M-c+c\kappa^2)/M^2$ |
// | Gaussian noise $\sigma_\zeta$ added by one | 1 | 0 | $\sigma^2/M + d\sigma_\zeta^2/M^2$ |
// | backdoor by client $a$ | 1 | $(\nabla F_\text{backdoor}-\nabla F_a)/M$ | $\sigma^2/M$ |
// | client $i$ chosen blindly | 1 | $b_i$ | $\sigma^2$: no averaging |
// | median, Gaussian noise, $\zeta=0$ | 1 | 0 | $\sigma^2\operatorname{Var}(\text{median of }M\text{ normals}) \le \frac{\pi}{2}\sigma^2/M$ |
// | local DP, DP-SGD | $\langle c,\nabla F\rangle/\lVert\nabla F\rVert^2$ | $c-\rho\nabla F$ | $\le \sigma^2/M + ds^2/M$ |
//
// ($c$ is the mean of the expected clipped gradients.) The **median** with heterogeneity or $f$ malicious clients and **Krum** go through (19). With
// $V_H$ the honest clients' dispersion around their mean $\bar g_H$, in every draw and for arbitrary malicious updates
//
// $$\lVert u-\bar g_H\rVert^2 \le s\,V_H \tag{21}$$
//
// - median: $s = \frac{n}{n-2f}$;
// - Krum: $s = \Big(\sqrt{\frac{2hk}{(h-1)(k-f)}}+\sqrt{\frac{h-k+f}{k-f}}\Big)^2$ with $h=n-f$ and $k=n-f-2$.
//
// Median: in each coordinate at least $n/2-f$ of the $h$ honest values lie on the far side of $u$; Cantelli's inequality does the rest. Krum:
// its score is at most the honest clients' mean score, and $k-f$ of its neighbours at least are honest.
//
// Remark 1 is the columns $b$ and $v$; the paper's question about colluders is the third row.

// %% [markdown]
// ## 6. FedAvg, and then the check of all of it
// With $\tau$ local steps $g^{(k)} = (w^{(k)}-w^{(k+1)})/\eta$ is a sum of gradients at models that drift away. If every **batch** loss is
// $L$-smooth and no step's gradient is longer than $B_1$, step $t$ starts at most $\eta B_1 t$ away:
//
// $$\Big\lVert \tfrac1\tau g^{(k)} - \tfrac{1}{\tau M}\textstyle\sum_{m,t} g_m(w^{(k)};\text{batch }t)\Big\rVert \le \frac{L}{\tau}\sum_{t<\tau}\eta B_1 t = D := \frac{\eta L B_1(\tau-1)}{2} \tag{22}$$
//
// The images $x$ are those of the $\tau$ batches together; with fresh batches $\sigma^2$ becomes $\sigma^2/\tau$, with one batch used $\tau$ times it stays.
//
// The drift is the same for every victim, and their deviations from the mean sum to 0, so squares add up without a mixed term:
//
// $$\mathbb E\lVert\hat x-x\rVert^2 \le \Big(\varepsilon_0 + L_R\sqrt{\frac{B + D^2}{2\mu\Delta}}\Big)^2 \tag{23}$$
//
// In the looser form, with one factor 2 more for the mixed term:
//
// $$\mathbb E\lVert\hat x-x\rVert^2 \le 2\varepsilon_0^2 + 2L_R^2\,\frac{B+D^2}{\mu\Delta} \tag{24}$$
//
// And progress, where noise and drift may point the same way:
//
// $$\mathbb E\Delta^+ \le (1-\mu\eta\tau)\Delta + \tfrac{\eta\tau}{2}(\bar\sigma + D)^2, \qquad \eta\tau\le 1/L \tag{25}$$
//
// $\bar\sigma^2$ is the variance of the mean gradient at $w^{(k)}$: $\sigma^2/(M\tau)$ with fresh batches. Notebook 08 takes this up.
//
// Now every line meets random instances: $d$ 2 to 6, $M$ 3 to 12, $L/\mu$ 1 to 100, σ and ζ over three decades, κ, τ, $s$, weights, colluders and
// malicious updates at random. Expectations are exact (closed forms of quadratics), "in every draw" means just that.

// %%
const began = performance.now();
const bar = progressBar("random instances");
const found = checkTheory(instances, createRng("07"), { onProgress: bar.update });
bar.done();
const foundRows = found.map(({ check, line, holds, ratios, violations, worst, median }) => ({
  check,
  line,
  holds,
  instances: ratios.length,
  violations,
  "worst smaller/larger side": worst,
  median,
}));
table(foundRows, { title: "Every line on random instances", digits: 4 });

// %%
const slackRows = found.map(({ check, line, ratios }) => ({ label: `${check} ${line}`, ratios }));
const dataset = await loadDataset(softmax.dataset);
const stamp = await stampOf(dataset, seeds);
const exact = { ...stamp, dataset: "no dataset: random quadratics" }; // of all figures but the last
await showFigure(
  "07_theorem_1_slack",
  slackFigure("How much of each bound is used (random quadratics and softmax)", slackRows),
  exact,
);

// %% [markdown]
// The closed-form expectations above are checked by drawing: $z$ is the distance of the mean of draws from the closed form, in standard errors. Were
// a closed form wrong, its root mean square would be far from 1.

// %%
const drawn = sampleTheory(sampled, samples, createRng("07 draws"));
const drawnHeaders = {
  rms: "rms z (1 if right)",
  largest: "largest |z|",
  outside: "|z| > 1.96",
  relative: "95 % half-width / value",
};
table(
  drawn.map((row) => ({ ...row })),
  { title: "Closed forms against draws", headers: drawnHeaders },
);

// %% [markdown]
// ### Is a better bound possible?
// Not from these assumptions: on a round quadratic ($L=\mu$), inverted linearly, with a residual along the mixing error, (6) holds with
// **equality** whatever $\varepsilon_0$. The looser (7) is attained where both errors are equal, and twice too large where one of them vanishes.
// The lemma is attained from both sides on the same quadratic, the drift bound for small steps.

// %%
const ratios = Array.from({ length: 41 }, (_, i) => 10 ** (-2 + i / 10));
const filled = tightness(ratios, createRng(1));
const tightAxis = { label: "ε₀ / (L_R √(B / 2μΔ))", scale: "log" as const };
const tightSeries = [
  { setting: "theorem" as const, name: "error / line (6)", x: ratios, mean: filled.sharp },
  { setting: "proven" as const, name: "error / line (7)", x: ratios, mean: filled.young },
];
const tightPanel = { x: tightAxis, y: { label: "error / bound" }, series: tightSeries, yRange: [0, 1.05] as const };
await showLines("07_theorem_1_tightness", { title: "Line (6) is attained", panels: [tightPanel] }, exact);
table(attained(createRng(1)), {
  title: "Other lines where they are attained",
  digits: 6,
  headers: { filled: "value / bound" },
});

// %% [markdown]
// ## 7. How error and bound scale
// A federation of ten quadratic clients ($d=8$, $L/\mu=5$). The inversion is scale-free, as cosine matching is: the secret of a client is the direction of
// its gradient (in least squares with one sample of length 1 a client: the sample itself, up to a sign that the label tells). Error is the squared
// distance of two unit vectors. Each panel varies one quantity; the dashed line is (6), for τ (23), with $L_R=1$, which for this inversion is
// exact to first order; the dotted one is (9), which is proved.

// %%
const quantities = Object.keys(predictedSlopes) as (keyof typeof predictedSlopes)[];
const bar2 = progressBar("sweeps");
const sweeps = quantities.map((quantity, i) => {
  const perSeed = seeds.map((seed) => sweepBound(quantity, draws, createRng(seed)));
  bar2.update(i + 1, quantities.length);
  return { quantity, perSeed, predicted: predictedSlopes[quantity] };
});
bar2.done();
const slopes = sweeps.map(({ quantity, perSeed, predicted }) => ({
  quantity,
  predicted,
  error: estimateMean(perSeed.map(({ driver, measured }) => powerSlope(driver, measured, { below: 0.5 }))),
  bound: estimateMean(perSeed.map(({ driver, bound }) => powerSlope(driver, bound))),
}));

// %%
const names = {
  objectiveGap: "Δ",
  effectiveParticipants: "1 − 1/M_eff",
  samplingStd: "σ",
  heterogeneity: "ζ",
  dpStd: "s",
  scale: "Δ^(30) under sign flip κ",
  localSteps: "τ − 1",
};
const interval = (ends: readonly number[]) => ends.map((end) => end.toFixed(3)).join(" … ");
const slopeRows = slopes.map(({ quantity, predicted, error, bound }) => {
  const of = { "error ~ power of": names[quantity], predicted };
  return { ...of, "slope of error": error.mean, "95 %": interval(error.interval), "slope of bound": bound.mean };
});
table(slopeRows, { title: `Log-log slopes (${seeds.length} federations; errors below 0.5, a quarter of saturation)` });

// %%
const sweepPanels = sweeps.map(({ quantity, perSeed }) => sweepPanel(quantity, perSeed));
await showLines("07_theorem_1_scaling", { title: "Measured error and bound", panels: sweepPanels }, exact);

// %% [markdown]
// ## 8. Does DP noise backfire?
// Ten quadratic clients from one start, three times: without defense, with noise of standard deviation $s$ per coordinate alone, and with gradients
// clipped to $C$ before the same noise. (13) predicts: noise alone never lowers the error while there is something to read. Clipping keeps the gap open, so it can.

// %%
const federations = seeds.map((seed) => {
  const rng = createRng(seed);
  const quadratic = drawQuadratic({ dimension: 8, numClients: 10, conditionNumber: 5 }, rng.split("quadratic"));
  const start = plus(quadratic.minimizer, 30, unitVector(8, rng.split("start")));
  return compareBackfire({ quadratic, start, learningRate: 0.2, ...noises, ...size }, rng);
});
const backfireTitle = "DP on a quadratic: noise protects, clipping keeps the gap open";
await showLines("07_theorem_1_backfire", { title: backfireTitle, panels: backfirePanels(federations) }, exact);

// %%
const shownRounds = [0, 10, 20, 30, 50].filter((k) => k < size.rounds - 1);
const courseRows = [...shownRounds, size.rounds - 1].map((k) => {
  const difference = (of: "noise" | "clipped") => {
    const { mean, interval: ends } = estimateMean(federations.map((one) => one[of].error[k]! - one.clean.error[k]!));
    return `${mean.toFixed(3)} [${ends.map((end) => end.toFixed(3)).join(", ")}]`;
  };
  const clean = federations.reduce((sum, one) => sum + one.clean.error[k]! / federations.length, 0);
  return {
    round: k,
    "clean error": clean,
    "noise − clean": difference("noise"),
    "clipped − clean": difference("clipped"),
  };
});
table(courseRows, { title: "Squared error against the clean run's, paired by federation" });

// %% [markdown]
// ## 9. Real images: the leak in closed form
// Softmax regression on Fashion-MNIST, one private image per client. The leak (10) needs no optimisation: what it gets wrong is mixing, nothing else. The
// private images are the same at every round. Here A3 is **strained**: σ and ζ are not constants but shrink as the model learns.

// %%
const last = softmax.rounds;
const rounds = [...[0, 1, 2, 5, 10, 20, 50].filter((k) => k < last), last];
const most = softmax.numClients - 1; // peers
const peerCounts = [...[1, 2, 3, 5].filter((count) => count < most), most];
const leaks = await followAnalyticLeak(softmax, dataset, { seeds, rounds, peers: peerCounts });
const pick = (round: number, count: number, of: "rmse" | "objectiveGap" | "relativeDispersion") =>
  leaks.filter((leak) => leak.round === round && leak.effectiveParticipants === count).map((leak) => leak[of]);
const leakPanels = analyticLeakPanels(leaks, [most, 2]);
await showLines("07_theorem_1_images", { title: "Analytic leak from a mean of gradients", panels: leakPanels }, stamp);

// %%
const leakRows = peerCounts.map((count) => {
  const text = (round: number) => {
    const { mean, interval: ends } = estimateMean(pick(round, count, "rmse"));
    return `${mean.toFixed(3)} [${ends.map((end) => end.toFixed(3)).join(", ")}]`;
  };
  const relative = (round: number) => estimateMean(pick(round, count, "relativeDispersion")).mean;
  const errors = { "RMSE, first round": text(0), "RMSE, last round": text(last) };
  return { M_eff: count, ...errors, "V/‖g‖², first": relative(0), last: relative(last) };
});
const gaps = [0, last].map((k) => estimateMean(pick(k, 1, "objectiveGap")).mean.toFixed(2));
table(leakRows, { title: `While the gap falls from ${gaps[0]} to ${gaps[1]} nats` });

// %% [markdown]
// ## Verdicts

// %%
const groups = ["theorem", "lemma", "any rule", "FedAvg"] as const;
const inGroup = (group: string) => found.filter((one) => one.group === group);
const noViolation = groups.map((group) => {
  const n = Math.min(...inGroup(group).map((one) => one.ratios.length));
  const violations = inGroup(group).reduce((sum, one) => sum + one.violations, 0);
  const note = `${inGroup(group).length} lines, ${violations} violations; n counts instances`;
  const claim = { id: "T1", setting: `no violation: ${group}`, threshold: 0.01, note };
  const words = {
    statement: "Our derivation: random instances that violate a line",
    unit: "of instances",
    direction: "below" as const,
  };
  return decide({ ...claim, ...words, estimate: estimateProportion(Math.min(n, violations), n) });
});

// %%
const slopeOf = (quantity: string) => slopes.find((one) => one.quantity === quantity)!.error;
const onQuadratics = { setting: "quadratics", unit: "slope", threshold: 0, note: "exactly solvable, A1–A3 hold" };
const t1 = { ...onQuadratics, id: "T1", statement: "Log-log slope of error against Δ", direction: "below" as const };
const t2 = {
  ...onQuadratics,
  id: "T2",
  statement: "Log-log slope of error against 1 − 1/M_eff",
  direction: "above" as const,
};
const scaling = [
  decide({ ...t1, estimate: slopeOf("objectiveGap") }),
  decide({ ...t2, estimate: slopeOf("effectiveParticipants") }),
];

// %%
const onImages = { setting: "softmax, images", unit: "pixels in [0, 1]", threshold: 0, direction: "above" as const };
const lateAgainstEarly = pairedDifference(pick(last, most, "rmse"), pick(0, most, "rmse"));
const allAgainstTwo = pairedDifference(pick(0, most, "rmse"), pick(0, 2, "rmse"));
const t1Images = { ...onImages, id: "T1", statement: `RMSE late − early, mean of ${most}`, note: "A3 is strained" };
const t2Images = { ...onImages, id: "T2", statement: `RMSE, mean of ${most} − mean of 2`, note: "first round" };
const imageClaims = [
  decide({ ...t1Images, estimate: lateAgainstEarly }),
  decide({ ...t2Images, estimate: allAgainstTwo }),
];

// %%
const claims = [...noViolation, ...scaling, ...imageClaims];
claimTable(claims);
const seconds = (performance.now() - began) / 1000;
const config = { instances, sampled, samples, draws, noises, size, softmax };
writeRecord("07_theorem_1", { ...stamp, config, seconds, claims });

// %% [markdown]
// ## What we changed in the derivation, and why
// The derivation began as a sketch. Checking it step by step changed this:
//
// | was | is | why |
// |---|---|---|
// | $2\varepsilon_0^2 + L_R^2B/(\mu\Delta)$ | (6); the old form is (7) | the triangle inequality of root mean squares is sharp: (6) is attained |
// | $K$ any set | (3) for any $K$, (4) only if $K$ does not look at the noise | Krum and others choose by the noise; (3) needs no expectation |
// | $K$ of equal weights | any weights, $M_\text{eff} = 1/\sum w_i^2$, the victim drawn with $w_i$ | rules that weigh |
// | A4 assumed | (9) proves it for scale-free maps, with $B_0$ for $B$; (10) computes it for softmax | noise can shorten $\bar g$, so an inversion that is Lipschitz on directions is not so relative to $\nabla F$ |
// | "the bound falls, so poisoning pays" | (8) and (20), the other sides | upper bounds alone imply nothing about errors and gaps |
// | expectations over the run | given $w^{(k)}$ | $\mathbb E[1/\Delta] \ge 1/\mathbb E\Delta$: the lemma's $\mathbb E\Delta$ may not be inserted in the theorem |
// | second form of the lemma for $\rho\le 1/(L\eta)$ | up to $2/(L\eta)$ | nothing more is used |
// | fixed $b$ for "one of M" | (18): averaged over who, bias is variance | the cross term cancels; $\eta\lVert b\rVert^2/(2\rho)$ becomes $L\eta^2\lVert b\rVert^2/2$ |
// | Krum: $b_i$ and "selection bias", $v\le\sigma^2$ | (19), (21) | given the choice, the noise has neither mean 0 nor variance $\sigma^2$ |
// | median: "grows with ζ" | exact at $\zeta=0$, else (21) | for every draw and $f < n/2$ arbitrary updates |
// | clipping: $\rho\le1$ | any ρ | clipping may shorten those who held the mean back: gradients 1, 1, 1, −2 clipped to 1 have $\rho=2$ |
// | drift: every $F_m$ is $L$-smooth | every **batch** loss is | the drifting gradients are those of batches |
// | FedAvg with $\sigma^2$ | $\sigma^2/\tau$ with fresh batches, and which images $x$ are | the mean of τ batches |
// | FedAvg: factor 2 twice | (23), and (25) for progress | as (6); and drift and dispersion have no mixed term |
// | backfire: (12) | and (13): what it takes | (12) alone compares bounds that may both be idle |

// %% [markdown]
// ## What we saw
// Quick profile; indicative.
//
// - **No line is violated** on random instances, and most worst cases come within a percent of their bound: the constants are not to be improved by much
//   from the same assumptions. (6) is attained exactly. The loose ones are (9), which pays for noise that might cancel the gradient, (10) and (21).
// - **T1 and T2 hold where A1–A4 do.** On quadratics the error falls as $\Delta^{-1}$ until it saturates, and grows as $1-1/M_\text{eff}$. Under sign
//   flipping it falls a little faster than $1/\Delta$: along the path $\lVert\nabla F\rVert^2/\Delta$ changes too.
// - **T1 is not seen on softmax regression with real images**: the gap falls by two thirds, the error of the closed-form leak stays. The table says why:
//   with one image per client, dispersion falls **with** the gap, and $V/\lVert\bar g\rVert^2$, on which the error depends, does not fall or rise much.
//   A constant σ and ζ (A3) is what makes $1/\Delta$ appear; where noise vanishes together with the gradient, it does not. A lone client is
//   read exactly at every round, which is T2 at its end.
// - **DP noise alone protects** at every round on quadratics, although (12) is met after round 40: there the clean gradient is buried already, as (13)
//   says. **Clipping backfires**: it protects in the first rounds, exposes for more than fifty, and protects again at the end. If DP makes things worse in
//   05_differential_privacy, the gap that clipping keeps open is the first suspect.
//
// **Deviations.** The theorem's proof and constants are ours. For Krum and the median the proof covers any malicious
// updates; the check draws random ones, near and far.
//
// **Next.** 18_theorem_1_on_lenet5: what of this holds on the paper's network. 08_fedavg_local_steps: more than one local step.
