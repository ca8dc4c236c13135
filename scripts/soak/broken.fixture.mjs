/** @file Kinds that misbehave, for soak.test.mjs: preloaded into the reader. */
import { kinds, Silent } from "./kinds.mjs";

const make = () => ({});
kinds.die = { make, read: () => process.exit(7) };
kinds.lie = { make, read: () => { throw new Silent("another meaning"); } }; // prettier-ignore
kinds.grow = {
  make,
  async read() {
    const held = [];
    for (let i = 0; i < 40; i++) {
      held.push(Buffer.alloc(10e6, i));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await new Promise((resolve) => setTimeout(resolve, 60_000, held));
  },
};
