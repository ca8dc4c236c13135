/** @file A config from what differs from the defaults. */
import { ensureDefined, ensureNames } from "../core/known";
import { checkConfig, defaultFederation, type FederationConfig } from "./config";

/**
 * A federation's config: the defaults, and what is to differ from them. Names are taken as they are written, so nothing needs `as const`.
 *
 * @param changes fields of FederationConfig, default none
 * @returns a whole config, which train takes; read only: what is not changed is shared with defaultFederation
 * @throws InputError for a field that there is not, or one without a value, however deep; whatever checkConfig refuses: a name that
 *   there is not, a value out of range, a parameter that no chosen rule reads
 * @example
 * federation({ aggregator: "median", assumedMalicious: 1 }).numClients; // 10
 * federation({ agregator: "median" }); // throws "federation: needs only known names in the config, got agregator; did you mean aggregator?"
 * federation({ aggregator: "medain" }); // throws "train: needs an aggregator of mean…"
 */
export function federation(changes: Partial<FederationConfig> = {}): FederationConfig {
  ensureNames("federation", "the config", changes, Object.keys(defaultFederation));
  ensureDefined("federation", "the config", changes);
  const config = { ...defaultFederation, ...changes };
  checkConfig(config);
  return config;
}
