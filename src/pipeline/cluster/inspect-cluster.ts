/**
 * What stands between a pipeline file and its cluster, seen without an owner: actions that `firn
 * apply` would carry out, and drift. Nothing is made or stored by looking.
 */
import type { ClusterPlan } from '../../cluster/cluster-plan.ts';
import { describeAction, desiredCapture } from '../../cluster/reconcile-plan.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { Finding } from '../../ports/source.ts';
import { openStore } from '../open-store.ts';
import type { StoreParts } from '../open-store.ts';
import { openStateFolder } from '../state/state-folder.ts';
import { ServicePool } from './cluster-services.ts';
import { inspectCapture } from './reconcile-capture.ts';

/** What was seen. */
export interface ClusterInspection {
  /** What is to be done, in order: a line each. */
  readonly actions: readonly string[];
  readonly findings: readonly Finding[];
}

/** A person waits for the answer. */
const POLICY = { attemptsMax: 2, pauseMs: 200, pauseMsMax: 1000 } as const;

/** Looks at Kafka and Connect; that one cannot be reached is a finding. */
export async function inspectCluster(
  parts: StoreParts,
  plan: ClusterPlan,
): Promise<ClusterInspection> {
  const pool = new ServicePool({ ...parts, retryPolicy: POLICY });
  const opened = await openStore(parts);
  try {
    const services = await pool.of(plan.cluster);
    const state = openStateFolder(opened.store, parts.config.name);
    const options = { resumes: true, restarts: true };
    const looked = await inspectCapture({ services, state }, desiredCapture(plan), options);
    const { actions, findings, lost } = looked;
    const reloads = lost.map(({ table }) => `load ${table.namespace}.${table.table} again`);
    return { actions: [...actions.map(describeAction), ...reloads], findings };
  } catch (error) {
    if (!isFirnError(error)) throw error;
    const { code, message, remedy } = error;
    return {
      actions: [],
      findings: [{ severity: 'error', code, table: null, message, fix: remedy }],
    };
  } finally {
    await opened.close();
    await pool.close();
  }
}
