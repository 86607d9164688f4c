/**
 * How another engine reaches a pipeline's lake: pure, from the pipeline file and what the user
 * said. Secrets are not part of it: keys and tokens are named, never shown.
 */
import type { PipelineConfig } from '../../config/pipeline-config.ts';

/** The door through which an engine finds tables. */
export type Door =
  /** The catalog's SQLite file, on this machine. */
  | { readonly kind: 'file'; readonly path: string }
  /** `firn catalog serve`, or what stands in front of it; or another program's catalog. */
  | {
      readonly kind: 'rest';
      readonly uri: string;
      readonly needsToken: boolean;
      /** The server's own name of the catalog; `null`: it has one only. */
      readonly warehouse: string | null;
    };

/** Where files on S3 are; keys are the engine's own. */
export interface S3Place {
  /** `null`: Amazon S3. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly pathStyle: boolean;
}

/** A lake as an engine is told of it. */
export interface LakeConnection {
  /** Name of the catalog in the engines: those that open its file must use it. */
  readonly name: string;
  readonly door: Door;
  /** `file:///folder` or `s3://bucket/prefix`. */
  readonly warehouse: string;
  /** `null`: a folder of this machine. */
  readonly s3: S3Place | null;
}

/** The connection through `door`. */
export function lakeConnection({ lake }: Pick<PipelineConfig, 'lake'>, door: Door): LakeConnection {
  const { s3, catalog, warehouse } = lake;
  const name = catalog.type === 'sqlite' ? catalog.name : 'firn';
  if (s3 === null) return { name, door, warehouse: `file://${warehouse}`, s3: null };
  const { endpoint, region } = s3;
  const pathStyle = s3.pathStyle ?? endpoint !== null;
  return { name, door, warehouse, s3: { endpoint, region, pathStyle } };
}
