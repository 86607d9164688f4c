/**
 * A column as a table map of the binary log describes it, with FULL metadata
 * (`binlog_row_metadata=FULL`). What the log does not tell is `null`; a reader that needs it then
 * stops by name instead of guessing.
 */

/** One column of a table map, in the order of the row images. */
export interface LogColumn {
  /**
   * Type code of the protocol (MySQL's `enum_field_types`), the real one: ENUM, SET and BLOB
   * lengths are resolved from the metadata bytes of STRING.
   */
  readonly typeCode: number;
  /**
   * Metadata of the type as the log has it: length, precision and scale, fraction digits. Two bytes
   * count as a little-endian number: the precision of a DECIMAL is its low byte, the scale its high
   * one; of BIT the odd bits are the low byte, the whole bytes the high one; VARCHAR and CHAR have
   * their longest value in bytes; ENUM and SET their length; BLOB, JSON and spatial types the size
   * of their length.
   */
  readonly meta: number;
  readonly nullable: boolean;
  /** `null`: without FULL metadata. */
  readonly name: string | null;
  /** For numbers: whether it is unsigned. */
  readonly unsigned: boolean;
  /** Collation id of text, ENUM and SET columns; `null` for others. 63 is `binary`. */
  readonly collationId: number | null;
  /** Labels of ENUM and SET columns as the log's bytes, in the column's charset; else `null`. */
  readonly labels: readonly Uint8Array[] | null;
  readonly visible: boolean;
}
