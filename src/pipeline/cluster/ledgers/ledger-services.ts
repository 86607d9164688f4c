/** The services that publishing ledgers needs. */
import type { KafkaReader } from '../../../kafka/kafka-reader.ts';
import type { ClusterServices } from '../cluster-services.ts';

/** Those of the pool, and a reader of records for this run alone. */
export interface LedgerServices extends ClusterServices {
  readonly records: KafkaReader;
}
