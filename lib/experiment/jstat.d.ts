// jstat ships no types: what the library and its tests use of it.
declare module "jstat" {
  export const jStat: {
    corrcoeff(this: void, a: ArrayLike<number>, b: ArrayLike<number>): number;
    spearmancoeff(this: void, a: number[], b: number[]): number;
    erf(this: void, x: number): number;
    readonly chisquare: { inv(p: number, degreesOfFreedom: number): number };
    median(this: void, values: number[]): number;
    readonly normal: { inv(p: number, mean: number, std: number): number };
    readonly studentt: { inv(p: number, degreesOfFreedom: number): number };
    readonly noncentralt: { cdf(this: void, x: number, degreesOfFreedom: number, noncentrality: number): number };
    readonly beta: { inv(p: number, a: number, b: number): number };
  };
}
