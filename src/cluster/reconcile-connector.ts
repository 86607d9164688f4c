/**
 * The connector as it is asked for, on record and in Connect. The pipeline file is the truth: what
 * somebody has set by hand is set back, and said. One that somebody has stopped stays so until a
 * person asks for it. Values of options are never told: they may be secrets.
 */
import type { Finding } from '../ports/source.ts';
import type { ConnectorConfig } from './capture/connector-config.ts';
import { error, warning } from './reconcile-finding.ts';
import { fingerprintOf } from './reconcile-record.ts';
import type { AppliedCluster } from './reconcile-record.ts';
import type {
  ActualCapture,
  ActualConnector,
  ClusterAction,
  DesiredCapture,
  PutReason,
  ReconcileOptions,
} from './reconcile-state.ts';

/** Names in one message. */
const NAMES_SHOWN_MAX = 8;

/** What is to be done and said about the connector. */
export interface ConnectorDifference {
  readonly actions: readonly ClusterAction[];
  readonly findings: readonly Finding[];
}

/** Compares the connector. */
export function connectorDifference(
  desired: Pick<DesiredCapture, 'name'> & { readonly config: ConnectorConfig },
  applied: AppliedCluster,
  actual: ActualCapture,
  options: ReconcileOptions,
): ConnectorDifference {
  const { name, config } = desired;
  const known = applied.connectors.get(name) ?? null;
  const { connector } = actual;
  const put = (because: PutReason): ClusterAction => {
    return { kind: 'put-connector', name, config, because };
  };
  if (connector === null) {
    if (known === null) return { actions: [put('new')], findings: [] };
    const message = `Connector ${name} was removed by somebody: it is made again, and goes on from its place.`;
    // One that has not run yet was never made, or Connect does not show it yet.
    if (!known.hasRun) return { actions: [put('new')], findings: [] };
    return { actions: [put('gone')], findings: [warning('cluster-connector-gone', message)] };
  }
  if (known === null) {
    const message = `Kafka Connect has a connector ${name} that this pipeline has not made: another lake has a pipeline of this name, or this lake was begun anew.`;
    const fix = `curl -X DELETE CONNECT/connectors/${name}   # once nobody needs it`;
    return { actions: [], findings: [error('CLUSTER-NAME-TAKEN', message, fix)] };
  }
  const differing = differingOptions({ ...config, name }, connector.config);
  if (differing.length > 0) {
    const isChanged = known.fingerprint !== fingerprintOf(config);
    const findings = isChanged ? [] : [connectorDrift(name, differing)];
    return { actions: [put(isChanged ? 'changed' : 'drifted')], findings };
  }
  const { offsets } = known;
  if (offsets !== null && actual.offsets === null) {
    // Places outlive their connector: it was robbed of it.
    const message = `Kafka Connect has lost the place of connector ${name} in the source: it goes on from the last one that Firn saw, and repeats what came after`;
    const findings = [warning('cluster-place-lost', message)];
    return { actions: [{ kind: 'restore-place', name, offsets }], findings };
  }
  return stateDifference(name, connector, { ...options, hasRun: known.hasRun });
}

/** Options that somebody else has set otherwise, by name: values may be secrets. */
function differingOptions(wanted: ConnectorConfig, actual: ConnectorConfig): readonly string[] {
  const options = [...new Set([...Object.keys(wanted), ...Object.keys(actual)])];
  return options.filter((key) => wanted[key] !== actual[key]).toSorted();
}

function connectorDrift(name: string, differing: readonly string[]): Finding {
  const more = differing.length - NAMES_SHOWN_MAX;
  const shown = differing.slice(0, NAMES_SHOWN_MAX).join(', ');
  const rest = more > 0 ? `, and ${more} more` : '';
  const message = `Connector ${name} is set otherwise than the pipeline file says: ${shown}${rest}`;
  return warning('connect-drift', message);
}

/** Connect's words for one that does nothing and is not broken. */
const STOPPED: ReadonlySet<string> = new Set(['PAUSED', 'STOPPED']);

function stateDifference(
  name: string,
  { state, tasks }: ActualConnector,
  { resumes, restarts, hasRun }: ReconcileOptions & { readonly hasRun: boolean },
): ConnectorDifference {
  if (STOPPED.has(state)) {
    if (!hasRun) return { actions: [{ kind: 'resume-connector', name }], findings: [] };
    const message = `Connector ${name} was ${state.toLowerCase()} by somebody: nothing is captured, and the source keeps its log only so long`;
    const fix = 'firn apply FILE   # starts it again';
    if (resumes) {
      const actions = [{ kind: 'resume-connector', name }] as const;
      return { actions, findings: [warning('connect-paused', message)] };
    }
    return { actions: [], findings: [error('connect-paused', message, fix)] };
  }
  const failed = tasks.find((task) => task.state === 'FAILED');
  if (failed === undefined && state !== 'FAILED') return { actions: [], findings: [] };
  const reason = failed?.failure ?? 'a failure without a name';
  const message = `Connector ${name} has stopped on ${reason}; Connect’s log says more`;
  return {
    actions: restarts ? [{ kind: 'restart-connector', name }] : [],
    findings: [error('connect-failed', message)],
  };
}
