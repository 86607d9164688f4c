/**
 * How far a source's changes are in the topics: asked of whatever captures them, before the ends of
 * the topics are read (docs/spec/cluster.md E17). A connector's place is the one that Connect has
 * stored; that of Firn's own feed is in `feed/change-feed.ts`.
 */
import type { ConnectClient } from '../../../engines/cluster/connect-client.ts';
import { assert } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { ChangeSource, SourceMark } from '../../../ports/source.ts';
import { placeOf } from './connector-place.ts';

/** A place: every change at or before it is in its topic, acknowledged, when the place is known. */
export interface CapturedPlace {
  /** Another one where the place is another one. */
  readonly key: string;
  /** Called once the ends of the topics have been read. */
  readonly mark: () => Promise<SourceMark>;
}

/** What captures the changes of a run. */
export interface CapturePlace {
  /** The newest place, when everything before it has been judged; `null`: there is none yet. */
  newest(): Promise<CapturedPlace | null>;
  /** What stands before the number in the names of the log's files; empty: it has no files. */
  logName(): Promise<string>;
}

/** What a connector's place is asked with. */
export interface ConnectorPlaceParts {
  readonly connect: ConnectClient;
  /** Name of the connector. */
  readonly connector: string;
  readonly source: Pick<ChangeSource, 'foreignMark'>;
  readonly epoch: number;
  /** The key of the place that is known already. */
  readonly judgeStatements: () => Promise<void>;
}

/** The place of a connector. */
export function connectorPlace(parts: ConnectorPlaceParts): CapturePlace {
  const { connect, connector, source, epoch } = parts;
  const { foreignMark } = source;
  assert(foreignMark !== undefined, 'a source that a connector reads knows its places');
  let judged: string | null = null;
  return {
    newest: async () => {
      const place = placeOf(await connect.offsets(connector));
      if (place === null) return null;
      const key = `${place.fileName}:${place.offset}`;
      if (key !== judged) await parts.judgeStatements();
      judged = key;
      return { key, mark: () => foreignMark.call(source, place, epoch) };
    },
    logName: async () => {
      const place = placeOf(await connect.offsets(connector));
      if (place !== null) return place.fileName.slice(0, place.fileName.lastIndexOf('.'));
      const what = 'The connector has stored no place in the log';
      throw new FirnError('CLUSTER-UNREACHABLE', { what, where: connector });
    },
  };
}
