/** In the order in which they run; `load/main.ts` loads the file of each. */
export const scenarioNames = [
  'sale',
  'chaos',
  'crowd',
  'logins',
  'cache',
  'async',
  'without',
  'capacity',
] as const;
export type ScenarioName = (typeof scenarioNames)[number];
