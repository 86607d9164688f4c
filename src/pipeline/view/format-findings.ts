/** What `check` says of the format versions of bases that are there, next to what is asked for. */
import { baseFormat } from '../../base/base-format.ts';
import type { FormatOptions } from '../../base/base-format.ts';
import type { Finding } from '../../ports/source.ts';
import type { TableView } from './lake-view.ts';

/** One finding per base; a warning where it has another format than a new base would get. */
export function formatFindings(
  views: readonly TableView[],
  options: FormatOptions & { readonly fileName: string },
): readonly Finding[] {
  const wanted = baseFormat(options);
  return views.flatMap(({ schema, base }): readonly Finding[] => {
    if (base === null) return [];
    const { formatVersion } = base.metadata;
    const has = `The base has Iceberg format version ${formatVersion}`;
    const about = { code: 'base-format', table: schema.table };
    if (formatVersion === wanted) {
      return [{ ...about, severity: 'ok', message: `${has}.`, fix: null }];
    }
    const asked = `base.deleteFormat ${options.deleteFormat} would make a new one version ${wanted}`;
    const message = `${has}, which it keeps; ${asked}.`;
    const table = schema.table.table;
    const fix =
      wanted > formatVersion
        ? `firn upgrade ${options.fileName} ${table}`
        : `firn drop ${options.fileName} --table ${table}   # and load it again: there is no way back from version 3`;
    return [{ ...about, severity: 'warning', message, fix }];
  });
}
