/** A spreadsheet would take these for a formula, and run what a buyer called themselves. */
const formula = /^[=+\-@\t\r]/;
const special = /[",\r\n]/;

/** One cell. A text that begins like a formula gets an apostrophe in front; quotes are doubled (RFC 4180). */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const safe = formula.test(value) ? `'${value}` : value;
  return special.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One line with its end. */
export function csvLine(values: readonly (string | number | null)[]): string {
  return `${values.map(csvCell).join(',')}\r\n`;
}
