// jstat ships no types: what stats.ts uses of it.
declare module "jstat" {
  export const jStat: {
    readonly normal: { inv(p: number, mean: number, std: number): number };
    readonly studentt: { inv(p: number, degreesOfFreedom: number): number };
    readonly noncentralt: { cdf(this: void, x: number, degreesOfFreedom: number, noncentrality: number): number };
  };
}
