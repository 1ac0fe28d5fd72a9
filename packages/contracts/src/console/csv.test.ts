import { describe, expect, it } from 'vitest';
import { csvCell, csvLine } from './csv.ts';

describe('a cell of an export', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+49 30', "'+49 30"],
    ['-2', "'-2"],
    ['@sum', "'@sum"],
    ['\t=1+1', "'\t=1+1"],
    ['\r=1+1', '"\'\r=1+1"'],
    ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ])('never runs as a formula: %s', (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });

  it('keeps commas, quotes and line breaks inside one cell', () => {
    expect(csvCell('a,b')).toBe('"a,b"');
    expect(csvCell('say "hi"')).toBe('"say ""hi"""');
    expect(csvCell('two\r\nlines')).toBe('"two\r\nlines"');
  });

  it('leaves plain text, numbers and nothing as they are', () => {
    expect(csvLine(['tee-m', -4900, null, 'Ä'])).toBe('tee-m,-4900,,Ä\r\n');
  });
});
