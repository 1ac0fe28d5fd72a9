import type { SiteTexts } from '../site-texts.ts';

type Words = SiteTexts['architecture'];
type WordKey = keyof Words;

interface Box {
  at: [x: number, y: number, width: number, height: number];
  title: WordKey;
  made?: string;
  /** A number that lives, and what it counts. */
  live?: { value: string; unit: WordKey }[];
  kind?: 'group' | 'log' | 'store';
}

interface Layout {
  name: 'wide' | 'tall';
  size: [number, number];
  boxes: Box[];
  /** Ways from one to the other, in the direction of reading; `quiet` ones are hints and not facts. */
  ways: { d: string; quiet?: boolean }[];
  labels: { at: [number, number]; text: WordKey; made?: string; anchor?: 'start' | 'middle' | 'end' }[];
}

const buyersLive = [{ value: 'watching', unit: 'watching' as const }];
const edgeLive = [
  { value: 'admitted', unit: 'admitted' as const },
  { value: 'refused', unit: 'refused' as const },
];
const counterLive = [{ value: 'available', unit: 'available' as const }];
const intakeLive = [{ value: 'waiting', unit: 'waiting' as const }];
const ledgerLive = [{ value: 'events', unit: 'events' as const }];

export const wide: Layout = {
  name: 'wide',
  size: [1200, 560],
  boxes: [
    { at: [20, 190, 150, 116], title: 'buyers', live: buyersLive },
    { at: [270, 150, 190, 190], title: 'edge', made: 'Hono', live: edgeLive },
    { at: [560, 40, 250, 430], title: 'gate', made: 'Redis', kind: 'group' },
    { at: [582, 100, 206, 100], title: 'counter', live: counterLive },
    { at: [582, 216, 206, 74], title: 'tickets' },
    { at: [582, 322, 206, 126], title: 'intake', kind: 'log', live: intakeLive },
    { at: [905, 336, 140, 84], title: 'worker', made: 'Node' },
    { at: [1040, 60, 140, 170], title: 'ledger', made: 'Postgres', kind: 'store', live: ledgerLive },
  ],
  ways: [
    { d: 'M172 220H264' },
    { d: 'M462 220C510 220 512 150 574 150' },
    { d: 'M685 202V210M685 292V316' },
    { d: 'M790 380H898' },
    { d: 'M1010 334C1010 284 1080 296 1090 240' },
    { d: 'M930 334C922 244 880 252 796 252' },
    { d: 'M580 262C520 262 520 290 464 290', quiet: true },
    { d: 'M268 284H176', quiet: true },
    { d: 'M365 342V500C365 516 373 520 386 520H955C969 520 975 514 975 500V428', quiet: true },
  ],
  labels: [
    { at: [218, 210], text: 'ask' },
    { at: [218, 304], text: 'news' },
    { at: [846, 370], text: 'inOrder' },
    { at: [1134, 300], text: 'transaction' },
    { at: [862, 232], text: 'settle' },
    { at: [685, 508], text: 'bell', made: 'BullMQ' },
    { at: [786, 72], text: 'oneStep', anchor: 'end' },
  ],
};

export const tall: Layout = {
  name: 'tall',
  size: [360, 1060],
  boxes: [
    { at: [95, 10, 170, 100], title: 'buyers', live: buyersLive },
    { at: [75, 166, 210, 178], title: 'edge', made: 'Hono', live: edgeLive },
    { at: [55, 400, 250, 404], title: 'gate', made: 'Redis', kind: 'group' },
    { at: [77, 456, 206, 100], title: 'counter', live: counterLive },
    { at: [77, 572, 206, 56], title: 'tickets' },
    { at: [77, 644, 206, 142], title: 'intake', kind: 'log', live: intakeLive },
    { at: [20, 890, 130, 100], title: 'worker', made: 'Node' },
    { at: [210, 850, 140, 170], title: 'ledger', made: 'Postgres', kind: 'store', live: ledgerLive },
  ],
  ways: [
    { d: 'M150 112V160' },
    { d: 'M194 346V450' },
    { d: 'M180 558V566M180 630V638' },
    { d: 'M110 788C110 830 90 830 88 884' },
    { d: 'M152 942H204' },
    { d: 'M36 888C22 760 22 660 70 606' },
    { d: 'M285 600H316C324 600 326 594 326 586V300C326 290 322 286 314 286H291', quiet: true },
    { d: 'M210 164V116', quiet: true },
    { d: 'M287 236H334C344 236 348 242 348 250V808C348 826 336 834 320 834H104', quiet: true },
  ],
  labels: [
    { at: [130, 142], text: 'ask' },
    { at: [236, 142], text: 'news' },
    { at: [104, 866], text: 'inOrder', anchor: 'start' },
    { at: [8, 600], text: 'settle', anchor: 'start' },
    { at: [258, 824], text: 'bell', made: 'BullMQ' },
    { at: [180, 1046], text: 'transaction' },
    { at: [284, 434], text: 'oneStep', anchor: 'end' },
  ],
};

/** The pipeline as SVG. Mirrored, everything stands on the other side, and texts still read as they should. */
export function drawing(
  { name, size, boxes, ways, labels }: Layout,
  words: Words,
  isMirrored: boolean,
): string {
  const [width, height] = size;
  const across = (x: number) => (isMirrored ? width - x : x);
  const flip = isMirrored ? ` transform="translate(${width} 0) scale(-1 1)"` : '';
  const text = (x: number, y: number, className: string, content: string, anchor = 'middle') => {
    const side = isMirrored && anchor !== 'middle' ? (anchor === 'end' ? 'start' : 'end') : anchor;
    // In text that runs from the right, "start" is the right.
    const shown = isMirrored && side !== 'middle' ? (side === 'end' ? 'start' : 'end') : side;
    return `<text x="${across(x)}" y="${y}" class="${className}" text-anchor="${shown}">${content}</text>`;
  };

  const shapes = boxes.map(({ at: [x, y, w, h], kind }) => {
    if (kind === 'store')
      return `<path class="box" d="M${x} ${y + 18}a${w / 2} 18 0 0 1 ${w} 0v${h - 36}a${w / 2} 18 0 0 1 ${-w} 0z"/><path class="edge-line" d="M${x} ${y + 18}a${w / 2} 18 0 0 0 ${w} 0"/>`;
    const slots = kind === 'log' ? slotsOf(x, y, w, h) : '';
    return `<rect class="${kind === 'group' ? 'group' : 'box'}" x="${x}" y="${y}" width="${w}" height="${h}" rx="${kind === 'group' ? 24 : 14}"/>${slots}`;
  });

  const captions = boxes.flatMap(({ at: [x, y, w, h], title, made, live = [], kind }) => {
    const middle = x + w / 2;
    const lines = [
      kind === 'group'
        ? text(x + 22, y + 36, 'name', `${words[title]}<tspan class="made"> · ${made ?? ''}</tspan>`, 'start')
        : text(middle, y + (kind === 'store' ? 62 : 32), 'name', words[title]),
    ];
    if (made !== undefined && kind !== 'group')
      lines.push(text(middle, y + (kind === 'store' ? 82 : 52), 'made', made));
    for (const [index, { value, unit }] of live.entries()) {
      const below = h - 18 - (live.length - 1 - index) * (name === 'wide' ? 56 : 52);
      const number = y + below - (kind === 'log' ? 46 : kind === 'store' ? 24 : 18);
      lines.push(
        text(middle, number, 'number', `<tspan direction="ltr" data-live="${value}">–</tspan>`),
        text(
          middle,
          number + 18,
          'unit',
          `<tspan data-unit="${value}">${words[unit].replace('{n}', '–')}</tspan>`,
        ),
      );
    }
    return lines;
  });

  return [
    `<svg class="${name}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${words.picture}" direction="${isMirrored ? 'rtl' : 'ltr'}">`,
    `<defs><marker id="tip-${name}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M1 1l8 4-8 4"/></marker></defs>`,
    `<g${flip}>`,
    ...shapes,
    ...ways.map(
      ({ d, quiet = false }) =>
        `<path class="way${quiet ? ' quiet' : ''}" d="${d}" marker-end="url(#tip-${name})"/>`,
    ),
    '</g>',
    ...captions,
    ...labels.map(({ at: [x, y], text: key, anchor, made }) =>
      text(x, y, 'label', made === undefined ? words[key] : `${words[key]} · ${made}`, anchor),
    ),
    '</svg>',
  ].join('');
}

/** A log is drawn as what it is: slots in a row. */
function slotsOf(x: number, y: number, w: number, h: number): string {
  const count = 9;
  const each = (w - 28) / count;
  return Array.from(
    { length: count },
    (_, slot) =>
      `<rect class="slot" x="${(x + 14 + slot * each).toFixed(1)}" y="${y + h - 34}" width="${(each - 4).toFixed(1)}" height="20" rx="4"/>`,
  ).join('');
}
