export type {
  ConnectionInput,
  DatabaseInput,
  PoolerInput,
  ServiceInput,
} from './plan/connection-input.ts';
export { erlangC, serversFor, waitMs } from './plan/erlang.ts';
export type { Finding } from './plan/finding.ts';
export {
  type CapacityInput,
  type CapacityPlan,
  type CapacityServiceInput,
  type CapacityServicePlan,
  planCapacity,
} from './plan/plan-capacity.ts';
export {
  type ConnectionPlan,
  type DatabasePlan,
  planConnections,
  type Scenario,
  type ServicePlan,
} from './plan/plan-connections.ts';
export { type Probe, type ProbeInput, type ProbePlan, planProbes } from './plan/plan-probes.ts';
