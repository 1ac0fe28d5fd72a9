import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clockTime } from '../numbers.ts';
import { onThemeChange } from '../theme.ts';

/** A line of a chart. Lines differ in dash as well as in colour. */
export interface Line {
  name: string;
  values: readonly (number | null)[];
  /** Which of the theme's chart colours, 1 to 6. */
  colour: number;
  dash?: number[];
  /** Filled down to zero. */
  filled?: boolean;
  format(value: number | null | undefined): string;
  /** On the right, in a unit of its own. */
  right?: boolean;
}

interface ChartProps {
  title: string;
  /** Epoch milliseconds. */
  at: readonly number[];
  lines: readonly Line[];
  /** Seconds that the chart is wide. */
  range: number;
}

const height = 132;
/** Seconds without a sample that are shown as a gap. */
const gapSeconds = 5;
const shortestSeconds = 60;

/** One chart with what it says now in words and numbers; the drawing is for the eye, the list for everybody. */
export function Chart({ title, at, lines, range }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = plotData(at, lines, range);
  const end = (at.at(-1) ?? Date.now()) / 1_000;
  // As wide as was asked for, unless there is not so much to show.
  const known = Math.max(shortestSeconds, end - (at[0] ?? 0) / 1_000);
  const now = { data, lines, end, start: end - Math.min(range, known) };
  const latest = useRef(now);
  latest.current = now;
  const shape = lines.map(({ name }) => name).join('|');

  useEffect(() => {
    const holder = place.current;
    if (holder === null) return;
    const draw = () => {
      plot.current?.destroy();
      const { lines: drawn, data: figures } = latest.current;
      plot.current = new uPlot(
        optionsOf(drawn, holder.clientWidth, () => latest.current),
        figures,
        holder,
      );
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: holder.clientWidth, height }));
    resized.observe(holder);
    const off = onThemeChange(draw);
    return () => {
      off();
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  // Each chart is drawn in a task of its own: six in one would keep the page from answering.
  useEffect(() => {
    const soon = setTimeout(() => plot.current?.setData(latest.current.data));
    return () => clearTimeout(soon);
  });

  return (
    <section className="card chart">
      <header>
        <h3>{title}</h3>
        <ul className="legend">
          {lines.map((line) => (
            <li key={line.name} data-colour={line.colour}>
              <span className="swatch" aria-hidden="true" data-dashed={line.dash !== undefined} />
              <span>{line.name}</span> <b>{line.format(line.values.at(-1))}</b>
            </li>
          ))}
        </ul>
      </header>
      <div ref={place} className="plot" role="img" aria-label={spoken(title, lines)} />
    </section>
  );
}

function spoken(title: string, lines: readonly Line[]): string {
  const said = lines.map(({ name, values, format }) => {
    const most = Math.max(0, ...values.map((value) => value ?? 0));
    return `${name} ${format(values.at(-1))}, at most ${format(most)}`;
  });
  return `${title}: ${said.join('; ') || 'nothing yet'}`;
}

/** What lies in the range, with an empty place where nobody looked. */
function plotData(at: readonly number[], lines: readonly Line[], range: number): uPlot.AlignedData {
  const end = at.at(-1) ?? 0;
  const first = at.findIndex((time) => time >= end - range * 1_000);
  const times: number[] = [];
  const columns: (number | null)[][] = lines.map(() => []);
  for (let index = Math.max(0, first); index < at.length; index++) {
    const time = (at[index] as number) / 1_000;
    const before = times.at(-1);
    if (before !== undefined && time - before > gapSeconds) {
      times.push(before + 1);
      for (const column of columns) column.push(null);
    }
    times.push(time);
    for (const [place, column] of columns.entries()) column.push(lines[place]?.values[index] ?? null);
  }
  return [times, ...columns];
}

/** From when to when, in seconds. */
interface Shown {
  start: number;
  end: number;
}

function optionsOf(lines: readonly Line[], width: number, latest: () => Shown): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  };
  const hasRight = lines.some((line) => line.right === true);
  const valueAxis = (right: boolean): uPlot.Axis => ({
    ...axis,
    scale: right ? 'right' : 'y',
    side: right ? 1 : 3,
    size: 44,
    gap: 4,
    space: 28,
    ...(right && { grid: { show: false } }),
    values: (_plot, splits) => splits.map((split) => short(split)),
  });
  return {
    width,
    height,
    padding: [6, hasRight ? 0 : 8, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: 'sale' }, drag: { x: false, y: false }, points: { size: 5 } },
    scales: {
      x: { time: true, range: () => [latest().start, latest().end] },
      y: { range: (_plot, _low, high) => [0, Math.max(1, (high ?? 0) * 1.1)] },
      right: { range: (_plot, _low, high) => [0, Math.max(1, (high ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 22,
        gap: 4,
        space: 70,
        values: (_plot, splits) => splits.map((split) => clockTime(split * 1_000)),
      },
      valueAxis(false),
      ...(hasRight ? [valueAxis(true)] : []),
    ],
    series: [
      {},
      ...lines.map((line): uPlot.Series => {
        const stroke = colour(`--chart-${line.colour}`);
        return {
          label: line.name,
          scale: line.right === true ? 'right' : 'y',
          stroke,
          width: 1.5,
          points: { show: false },
          ...(line.dash !== undefined && { dash: line.dash }),
          ...(line.filled === true && { fill: `${stroke}26` }),
        };
      }),
    ],
  };
}

/** 12,000 as `12k`: an axis has little room. */
function short(value: number): string {
  if (value >= 1_000_000) return `${value / 1_000_000}M`;
  if (value >= 1_000) return `${value / 1_000}k`;
  return String(value);
}
