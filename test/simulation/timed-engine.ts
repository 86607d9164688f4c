/** An engine that works in real time, under a clock that must not move meanwhile. */
import type { FileWriter, RowEngine } from '../../src/ports/row-engine.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** `engine`; virtual time stands still while one of its calls is going on. */
export function timedEngine(engine: RowEngine, clock: VirtualClock): RowEngine {
  const timed = <T>(work: Promise<T>): Promise<T> => clock.during(work);
  const writer = <Batch>(inner: FileWriter<Batch>): FileWriter<Batch> => ({
    get rowCount() {
      return inner.rowCount;
    },
    get sizeBytes() {
      return inner.sizeBytes;
    },
    append: (batch) => timed(inner.append(batch)),
    finish: () => timed(inner.finish()),
    discard: () => timed(inner.discard()),
  });
  return {
    ledgerWriter: (target) => writer(engine.ledgerWriter(target)),
    baseWriter: (target, request) => writer(engine.baseWriter(target, request)),
    async openMerge(request) {
      const session = await timed(engine.openMerge(request));
      return {
        summary: session.summary,
        apply: (into) => timed(session.apply(into)),
        close: () => timed(session.close()),
      };
    },
    writeRows: (request) => timed(engine.writeRows(request)),
    compact: (request) => timed(engine.compact(request)),
    convertDeletes: (request) => timed(engine.convertDeletes(request)),
    compare: (request) => timed(engine.compare(request)),
    async openQuery(request) {
      const session = await timed(engine.openQuery(request));
      return {
        // Rows are read to the end at once, so that nothing real goes on behind the call.
        run: (sql, parameters) =>
          timed(
            session.run(sql, parameters).then(async ({ columns, rows }) => {
              const all: (readonly (readonly (string | null)[])[])[] = [];
              for await (const some of rows) all.push(some);
              return {
                columns,
                rows: (async function* () {
                  yield* all;
                })(),
              };
            }),
          ),
        close: () => timed(session.close()),
      };
    },
    close: () => timed(engine.close()),
  };
}
