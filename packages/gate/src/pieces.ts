/** A list in parts of at most `size`. */
export function pieces<Piece>(whole: readonly Piece[], size: number): Piece[][] {
  const parts: Piece[][] = [];
  for (let start = 0; start < whole.length; start += size) parts.push(whole.slice(start, start + size));
  return parts;
}
