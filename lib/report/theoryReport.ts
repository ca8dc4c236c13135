/** @file Tables and figures of the theorems alone, as notebooks see them: the namespace `theoryReport`. */
export { assumptionRows, observationPanel, type Observed } from "./assumptionRows";
export { backfireRows } from "./backfireRows";
export { participantPoints, participantRanks, participantRows, type Participants, type Studies } from "./participants";
export { ratePanels, rateRanks, rateRows, type ConvergenceByRule } from "./rates";
export { slackFigure, type SlackRow } from "./slack";
export { analyticLeakPanels, backfirePanels, estimateSeries, sweepPanel } from "./theory";
