/** Errors of the kafka area: codes `KAFKA-…`. A code is never reused for another meaning. */
import type { ErrorSpec } from '../error-spec.ts';

/** Every code of the area, by code. */
export const kafkaErrors = {
  'KAFKA-UNREACHABLE': {
    disposition: 'retry',
    summary: 'No broker of Kafka could be reached, or the one that was asked is not ready.',
    remedy:
      'Look at the brokers, at their addresses in the pipeline file, and at the addresses they advertise to clients.',
  },
  'KAFKA-LOGIN': {
    disposition: 'halt-pipeline',
    summary: 'Kafka refused the login, or no trusted encrypted connection came about.',
    remedy: 'Correct user, password, mechanism and certificates in the pipeline file.',
  },
  'KAFKA-DENIED': {
    disposition: 'halt-pipeline',
    summary: 'The user of the pipeline may not do this in Kafka.',
    remedy:
      'Give the user the rights of docs/development-cluster.md on what the message names; a source debezium only describes and reads topics.',
  },
  'KAFKA-REFUSED': {
    disposition: 'halt-pipeline',
    summary: 'Kafka refused what Firn asked.',
    remedy: 'The message has the name of Kafka’s error. The broker’s log says more.',
  },
  'KAFKA-ANSWER': {
    disposition: 'halt-pipeline',
    summary: 'Kafka answered something that Firn does not understand.',
    remedy:
      'Is the address that of a Kafka broker? docs/engines.md names the versions that are known.',
  },
  'KAFKA-TOPIC-MISSING': {
    disposition: 'halt-table',
    summary: 'A topic is not there, or another one stands under its name.',
    remedy:
      'Records of the missing topic cannot be read any more. Where it was deleted on purpose, load its table again with `firn bootstrap FILE --table T`.',
  },
  'KAFKA-TOPIC-SHAPE': {
    disposition: 'halt-table',
    summary: 'A topic exists already, with another number of partitions or copies.',
    remedy:
      'Give the pipeline file the numbers that the topic has, or delete the topic if nobody uses it.',
  },
  'KAFKA-OFFSETS-GONE': {
    disposition: 'halt-table',
    summary: 'Records that were not read yet are no longer in their topic.',
    remedy:
      'Load the table again with `firn bootstrap FILE --table T`. A longer retention of the topic keeps its records until they are read.',
  },
  'KAFKA-OFFSETS-AHEAD': {
    disposition: 'halt-table',
    summary: 'A topic ends before the place up to which it was read.',
    remedy:
      'The topic lost records that were read before (a broker without the newest ones became its leader): load the table again with `firn bootstrap FILE --table T`.',
  },
} as const satisfies Record<string, ErrorSpec>;
