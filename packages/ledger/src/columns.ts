/**
 * Columns of a batch as Postgres array literals, for `unnest`. The driver's own conversion looks at every value's type;
 * a column has one, and numbers need no quoting.
 */
export function numbers(values: readonly (number | null)[]): string {
  return `{${values.map((value) => (value === null ? 'NULL' : value)).join(',')}}`;
}

export function texts(values: readonly (string | null)[]): string {
  let list = '{';
  for (let index = 0; index < values.length; index++) {
    if (index > 0) list += ',';
    const value = values[index];
    list += value === null || value === undefined ? 'NULL' : quoted(value);
  }
  return `${list}}`;
}

const needsEscape = /["\\]/;

function quoted(value: string): string {
  return needsEscape.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`;
}
