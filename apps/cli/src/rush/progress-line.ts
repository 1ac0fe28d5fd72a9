import type { CrowdProgress } from './plan.ts';

/**
 * One line that is written over on a terminal, and a new line every few seconds elsewhere. Not a prompt library's
 * bar: those take the keyboard over, and with it the Ctrl-C that must stop the stack first.
 */
export function createProgressLine(buyers: number, output: NodeJS.WriteStream = process.stderr) {
  let writtenAtMs = 0;
  return {
    show(progress: CrowdProgress): void {
      const nowMs = performance.now();
      if (!output.isTTY && nowMs - writtenAtMs < PLAIN_EVERY_MS) return;
      writtenAtMs = nowMs;
      const line = progressText(progress, buyers);
      output.write(output.isTTY ? `\r\x1b[K${line.slice(0, output.columns - 1)}` : `${line}\n`);
    },
    end(): void {
      if (output.isTTY) output.write('\r\x1b[K');
    },
  };
}

const PLAIN_EVERY_MS = 5_000;
const BAR = 24;

function progressText(
  { gone, answers, tickets, confirmed, soldOut, errors }: CrowdProgress,
  buyers: number,
): string {
  const share = Math.min(1, gone / buyers);
  const full = Math.round(share * BAR);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const counts = { answers, tickets, confirmed, 'sold out': soldOut, errors };
  const words = Object.entries(counts).map(([word, count]) => `${word} ${count.toLocaleString('en')}`);
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)}${percent}  ${words.join(' · ')}`;
}
