import { isFinal } from '../ticket.ts';
import { type Buying, type Hurry, itemOf, type Screen, screenOf, type Trouble } from './buying.ts';
import { type Counted, createWords, type Texts, type Words } from './words.ts';

/** A screen in words: what stands where, with nothing left to decide. */
export interface Card {
  kind: Screen['kind'];
  hurry: Hurry;
  price: string;
  /** Of the item for newcomers; empty while a ticket is shown. */
  stock: string;
  /** Units left, of all, 0 to 1; null when there is nothing to show. */
  stockShare: number | null;
  title: string;
  text: string;
  clock: { label: string; time: string; share: number | null } | null;
  facts: Fact[];
  actions: Action[];
  isBusy: boolean;
  /** What went wrong, or that this is old. */
  notice: string;
  /** For the ears: changes only when there is something to say, and never with each second. */
  said: string;
}

export interface Fact {
  name: string;
  value: string;
  /** Ids and numbers stay left to right. */
  isCode: boolean;
}

export type Act = 'reserve' | 'join' | 'confirm' | 'extend' | 'leave' | 'cancel' | 'keep' | 'pay' | 'again';

export interface Action {
  act: Act;
  label: string;
  isMain: boolean;
  /** A link instead of a button. */
  href: string | null;
}

export interface CardSettings {
  texts: Texts;
  /** BCP 47, for numbers, money and times. */
  language: string;
  sku?: string | undefined;
  quantity: number;
}

export function cardOf(buying: Buying, now: number, settings: CardSettings): Card {
  const { sku, quantity } = settings;
  const words = createWords(settings.texts, settings.language);
  const screen = screenOf(buying, now, sku);
  const { sale, ticket } = buying;
  const item = sale === null ? undefined : itemOf(sale, sku);
  const currency = sale?.currency ?? ticket?.currency ?? 'EUR';
  const priceMinor = ticket?.totalMinor ?? (item === undefined ? null : item.priceMinor * quantity);
  const price = priceMinor === null ? '' : words.money(priceMinor, currency);
  const spoken = wordsOf(screen, buying, words, settings.texts);
  const notice = noticeOf(buying, words, settings.texts);
  const showsStock = ticket === null && item !== undefined && item.stock > 0 && screen.kind !== 'unknown';
  // What is over is told by the facts below it, or by nothing.
  const showsPrice = ticket === null || !isFinal(ticket.status);
  return {
    kind: screen.kind,
    hurry: screen.kind === 'held' ? screen.hurry : 'none',
    price: showsPrice ? price : '',
    stock:
      showsStock && item.available > 0 ? words.say('left', { n: item.available, total: item.stock }) : '',
    stockShare: showsStock ? item.available / item.stock : null,
    ...spoken,
    facts: factsOf(screen, buying, words, settings.texts),
    actions: actionsOf(screen, buying, settings.texts, words, price, priceMinor === 0),
    isBusy: buying.asked !== null || screen.kind === 'loading',
    notice,
    said: [hurryOf(screen, settings.texts) || sentences(spoken.title, spoken.text), notice].join(' ').trim(),
  };
}

type Spoken = Pick<Card, 'title' | 'text' | 'clock'>;

function wordsOf(screen: Screen, buying: Buying, { say, date, clock, span }: Words, texts: Texts): Spoken {
  const plain = (title: string, text = ''): Spoken => ({ title, text, clock: null });
  switch (screen.kind) {
    case 'loading':
      return plain(texts.loading);
    case 'unknown':
      return plain(texts.unknown);
    case 'early': {
      const when = buying.sale?.opensAt ?? null;
      const { opensInMs } = screen;
      if (opensInMs === null || when === null)
        return plain(texts.opensSoon, screen.hasLobby ? texts.lobbyText : texts.opensSoonText);
      const text = screen.hasLobby ? texts.lobbyText : say('opensText', { date: date(when) });
      return { title: texts.opensIn, text, clock: clock('', opensInMs, null) };
    }
    case 'offer':
      return plain('');
    case 'sold_out':
      return plain(texts.soldOut, screen.hasWaitlist ? texts.soldOutWaitlistText : texts.soldOutText);
    case 'paused':
      return plain(texts.paused, texts.pausedText);
    case 'over':
      return plain(texts.over);
    case 'asking':
      return plain(texts.asking);
    case 'lobby': {
      if (screen.opensInMs === null) return plain(texts.inLobby, texts.inLobbyText);
      if (screen.opensInMs === 0) return plain(texts.drawing, texts.inLobbyText);
      const at = clock(texts.opensIn, screen.opensInMs, null);
      return { title: texts.inLobby, text: texts.inLobbyText, clock: at };
    }
    case 'line': {
      const title = screen.ahead === 0 ? texts.next : say('ahead', { n: screen.ahead });
      const { secondsLeft } = screen;
      const estimate =
        screen.ahead === 0
          ? ''
          : secondsLeft === null
            ? texts.noEstimate
            : say('estimate', { time: span(secondsLeft) });
      return plain(title, `${texts.lineText} ${estimate}`.trim());
    }
    case 'waitlist':
      return plain(texts.waitlist, texts.waitlistText);
    case 'held': {
      const { payment } = buying;
      const paying = payment?.payUrl == null ? texts.payHere : texts.payingText;
      const whole = (buying.sale?.holdSeconds ?? 0) * 1_000;
      const share = whole > 0 ? Math.min(1, screen.leftMs / whole) : null;
      const text = payment === null ? texts.heldText : paying;
      return { title: texts.held, text, clock: clock(texts.timeLeft, screen.leftMs, share) };
    }
    case 'lapsing':
      return plain(texts.lapsing, texts.lapsingText);
    case 'bought':
      return plain(texts.bought, texts.boughtText);
    case 'cancelled':
      return plain(texts.cancelled, texts.cancelledText);
    case 'expired':
      return plain(texts.expired, screen.mayHavePaid ? texts.expiredPaidText : texts.expiredText);
    case 'rejected':
      return screen.reason === 'closed' ? plain(texts.ended) : plain(texts.rejected, texts.rejectedText);
    case 'returned':
      return plain(texts.returned, texts.returnedText);
    case 'refund_due':
      return plain(texts.refundDue, texts.refundDueText);
    case 'refunded':
      return plain(texts.refunded);
  }
}

function sentences(title: string, text: string): string {
  return title === '' || text === '' ? title + text : `${title}. ${text}`;
}

/** The two warnings; said instead of everything else, since there is no time for more. */
function hurryOf(screen: Screen, texts: Texts): string {
  if (screen.kind !== 'held' || screen.hurry === 'none') return '';
  return screen.hurry === 'minute' ? texts.minuteLeft : texts.secondsLeft;
}

function noticeOf(buying: Buying, { say, time }: Words, texts: Texts): string {
  if (buying.trouble !== null) return texts[troubleTexts[buying.trouble] ?? 'errOther'];
  return buying.isConnected || buying.heardAt === 0 ? '' : say('offline', { time: time(buying.heardAt) });
}

const troubleTexts: Partial<Record<Trouble, Exclude<keyof Texts, Counted>>> = {
  unreachable: 'errUnreachable',
  limit_reached: 'errLimit',
  sold_out: 'errSoldOut',
  not_open: 'errNotOpen',
  paused: 'pausedText',
  closed: 'over',
  extension_limit: 'errMoreTime',
  hold_expired: 'errLate',
  rate_limited: 'errBusy',
  gate_unavailable: 'errBusy',
  ledger_unavailable: 'errBusy',
  payment_unavailable: 'errBusy',
  ticket_lost: 'errLost',
  unauthorized: 'errSignIn',
  forbidden: 'errSignIn',
};

function factsOf(screen: Screen, { ticket, sale }: Buying, words: Words, texts: Texts): Fact[] {
  if (ticket === null) return [];
  const facts: Fact[] = [];
  if (screen.kind === 'bought') {
    for (const { sku, quantity } of ticket.lines) {
      const name = sale?.items.find((item) => item.sku === sku)?.name ?? sku;
      facts.push({ name, value: `${words.number(quantity)} ×`, isCode: false });
    }
    facts.push({ name: texts.total, value: words.money(ticket.totalMinor, ticket.currency), isCode: false });
  }
  if (screen.kind !== 'lobby')
    facts.push({ name: texts.place, value: words.number(ticket.seq), isCode: true });
  facts.push({ name: texts.ticket, value: ticket.id, isCode: true });
  if (screen.kind === 'bought') facts.push({ name: texts.receipt, value: ticket.receipt, isCode: true });
  return facts;
}

function actionsOf(
  screen: Screen,
  buying: Buying,
  texts: Texts,
  { say }: Words,
  price: string,
  isFree: boolean,
): Action[] {
  const action = (act: Act, label: string, isMain = false, href: string | null = null): Action => ({
    act,
    label,
    isMain,
    href,
  });
  const leaving = [action('keep', texts.keep, true), action('cancel', texts.sure)];
  switch (screen.kind) {
    case 'offer':
      return [action('reserve', texts.buy, true)];
    case 'sold_out':
      return screen.hasWaitlist ? [action('reserve', texts.joinWaitlist, true)] : [];
    case 'early':
      return screen.hasLobby ? [action('join', texts.joinLobby, true)] : [];
    case 'lobby':
    case 'line':
    case 'waitlist':
      return buying.isLeaving ? leaving : [action('leave', texts.leave)];
    case 'held': {
      if (buying.isLeaving) return leaving;
      const pay = isFree ? texts.confirm : say('pay', { price });
      const payUrl = buying.payment?.payUrl ?? null;
      const first = payUrl === null ? action('confirm', pay, true) : action('pay', pay, true, payUrl);
      return [
        ...(buying.payment !== null && payUrl === null ? [] : [first]),
        ...(buying.noMoreTime ? [] : [action('extend', texts.moreTime)]),
        action('leave', texts.cancel),
      ];
    }
    case 'bought':
      return [action('again', texts.again)];
    case 'cancelled':
    case 'expired':
    case 'rejected':
    case 'returned':
    case 'refunded':
      return [action('again', texts.retry)];
    default:
      return [];
  }
}
