import { useMemo, useState } from 'react';
import { count, milliseconds, percent, rate } from '../numbers.ts';
import { Chart, type Line } from '../parts/chart.tsx';
import type { LiveHistory } from '../records.ts';
import { reasonWord } from '../words.ts';

const ranges = [
  { seconds: 60, name: '1 min' },
  { seconds: 300, name: '5 min' },
  { seconds: 900, name: '15 min' },
];

/** Holds that ended within so many seconds make the share that was bought. */
const shareOverMs = 60_000;

/** How the sale went in the last minutes. All charts have one time, and the pointer shows the same instant in each. */
export function SaleCharts({ history }: { history: LiveHistory }) {
  const [range, setRange] = useState(300);
  const bought = useMemo(() => boughtShare(history), [history]);
  const common = { at: history.at, range };
  return (
    <section className="charts" aria-label="The last minutes">
      <div className="head">
        <h2>The last minutes</h2>
        <div className="choice" role="group" aria-label="How far back">
          {ranges.map(({ seconds, name }) => (
            <button
              type="button"
              key={seconds}
              aria-pressed={range === seconds}
              onClick={() => setRange(seconds)}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      <div className="chart-grid">
        <Chart
          {...common}
          title="Admissions a second"
          lines={[{ name: 'Admitted', values: history.admitted, colour: 1, filled: true, format: rate }]}
        />
        <Chart {...common} title="Refusals a second" lines={refusalLines(history)} />
        <Chart
          {...common}
          title="Intake"
          lines={[
            { name: 'Entries', values: history.depth, colour: 1, filled: true, format: whole },
            {
              name: 'Oldest, ms',
              values: history.oldestAgeMs,
              colour: 2,
              dash: [5, 3],
              right: true,
              format: milliseconds,
            },
          ]}
        />
        <Chart
          {...common}
          title="Commits"
          lines={[
            { name: 'Entries each', values: history.batch, colour: 1, format: rate },
            {
              name: 'Time, ms',
              values: history.commitMs,
              colour: 2,
              dash: [5, 3],
              right: true,
              format: milliseconds,
            },
          ]}
        />
        <Chart
          {...common}
          title="Holds a second"
          lines={[
            { name: 'Given', values: history.held, colour: 1, format: rate },
            { name: 'Bought', values: history.confirmed, colour: 3, dash: [5, 3], format: rate },
            { name: 'Lapsed', values: history.lapsed, colour: 2, dash: [2, 3], format: rate },
            { name: 'Back', values: history.givenBack, colour: 4, dash: [8, 3], format: rate },
          ]}
        />
        <Chart
          {...common}
          title="Ended holds that were bought"
          lines={[{ name: 'Over a minute', values: bought, colour: 3, filled: true, format: asPercent }]}
        />
      </div>
    </section>
  );
}

function whole(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : count(value);
}

function asPercent(value: number | null | undefined): string {
  return percent(value === null || value === undefined ? null : value / 100);
}

/** The usual reason is always there, so that the chart does not change its shape at the first refusal. */
function refusalLines({ refused, at }: LiveHistory): Line[] {
  const dashes = [undefined, [5, 3], [2, 3], [8, 3], [1, 2], [10, 4]];
  const reasons = ['sold_out', ...Object.keys(refused).filter((reason) => reason !== 'sold_out')].slice(
    0,
    dashes.length,
  );
  return reasons.map((reason, index) => {
    const dash = dashes[index];
    return {
      name: reasonWord(reason),
      values: refused[reason as keyof typeof refused] ?? at.map(() => 0),
      colour: index + 1,
      format: rate,
      ...(dash !== undefined && { dash }),
    };
  });
}

/** Percent of the holds that ended in the minute before each sample and were bought. */
function boughtShare({ at, confirmed, lapsed, givenBack }: LiveHistory): (number | null)[] {
  let first = 0;
  let bought = 0;
  let ended = 0;
  const add = (index: number, sign: 1 | -1) => {
    const sold = confirmed[index] ?? 0;
    bought += sign * sold;
    ended += sign * (sold + (lapsed[index] ?? 0) + (givenBack[index] ?? 0));
  };
  return at.map((time, index) => {
    add(index, 1);
    for (; (at[first] as number) < time - shareOverMs; first++) add(first, -1);
    return ended < 0.05 ? null : Math.min(100, Math.max(0, (bought / ended) * 100));
  });
}
