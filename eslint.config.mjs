import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import ts from "typescript-eslint";

// Results follow from seeds and settings alone: only the report and the experiment's bookkeeping may look at a clock.
const seeded = {
  "no-restricted-properties": [
    "error",
    { object: "Math", property: "random", message: "Take an Rng." },
    { object: "Date", property: "now", message: "Times are given." },
  ],
  "no-restricted-syntax": ["error", { selector: "NewExpression[callee.name='Date']", message: "Times are given." }],
};

const globals = (names) => Object.fromEntries(names.split(" ").map((name) => [name, "readonly"]));

export default defineConfig(
  { ignores: ["**/dist/", "build/", "data/", "figures/", ".setup/", ".venv/", ".venv-bench/"] },
  js.configs.recommended,
  {
    files: ["lib/**/*.ts", "notebooks/*.ts", "bench/**/*.ts"],
    extends: [ts.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }], // { value, ...rest } drops value
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/no-require-imports": "off", // the library is CommonJS: what is large is required when first used
    },
  },
  { files: ["lib/**/*.ts"], ignores: ["lib/report/**", "lib/experiment/**", "lib/jobs/**"], rules: seeded },
  // node:test's `test` returns a promise that the runner awaits.
  { files: ["lib/**/*.test.ts"], rules: { "@typescript-eslint/no-floating-promises": "off" } },
  {
    files: ["notebooks/*.ts"],
    rules: {
      "@typescript-eslint/no-unused-expressions": "off", // the last expression of a cell is its output
      "object-shorthand": ["error", "always"],
    },
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    languageOptions: {
      globals: {
        ...globals("Buffer URL console fetch module performance process require"),
        ...globals("clearInterval clearTimeout setInterval setTimeout"),
        ...globals("IntersectionObserver ResizeObserver addEventListener document window"), // in the pages
      },
    },
    rules: { eqeqeq: ["error", "always", { null: "ignore" }] },
  },
);
