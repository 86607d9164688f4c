/**
 * The one registry of errors a user can meet. Types, behaviour (disposition) and the reference page
 * are made from it, so they cannot differ. Each area keeps its codes in `errors/<area>-errors.ts`.
 */
import type { ErrorSpec } from './error-spec.ts';
import { bootstrapErrors } from './errors/bootstrap-errors.ts';
import { catalogErrors } from './errors/catalog-errors.ts';
import { clusterErrors } from './errors/cluster-errors.ts';
import { configErrors } from './errors/config-errors.ts';
import { devclusterErrors } from './errors/devcluster-errors.ts';
import { icebergErrors } from './errors/iceberg-errors.ts';
import { kafkaErrors } from './errors/kafka-errors.ts';
import { ledgerErrors } from './errors/ledger-errors.ts';
import { logErrors } from './errors/log-errors.ts';
import { mergeErrors } from './errors/merge-errors.ts';
import { pipelineErrors } from './errors/pipeline-errors.ts';
import { queryErrors } from './errors/query-errors.ts';
import { sourceErrors } from './errors/source-errors.ts';
import { storageErrors } from './errors/storage-errors.ts';
import { valueErrors } from './errors/value-errors.ts';

const entries = {
  ...bootstrapErrors,
  ...catalogErrors,
  ...clusterErrors,
  ...configErrors,
  ...devclusterErrors,
  ...icebergErrors,
  ...kafkaErrors,
  ...ledgerErrors,
  ...logErrors,
  ...mergeErrors,
  ...pipelineErrors,
  ...queryErrors,
  ...sourceErrors,
  ...storageErrors,
  ...valueErrors,
} as const satisfies Record<string, ErrorSpec>;

/** Code of a registered error, `AREA-WHAT-HAPPENED`. */
export type ErrorCode = keyof typeof entries;

/** Every registered error by code. */
export const ERROR_REGISTRY: Readonly<Record<ErrorCode, ErrorSpec>> = entries;
