import type en from './texts/en.json';

/** Keys whose text depends on a number, in the forms that the language has. */
export type Counted = 'ahead';
export type Texts = Omit<Record<keyof typeof en, string>, Counted> &
  Record<Counted, Partial<Record<Intl.LDMLPluralRule, string>>>;

export type Words = ReturnType<typeof createWords>;

/**
 * Texts, numbers, money and times of one language. Digits are the western ones in every language: an id, a price and a
 * countdown read the same for whoever is asked about them.
 */
export function createWords(texts: Texts, language: string) {
  const locale = `${language}-u-nu-latn`;
  const number = (value: number) => new Intl.NumberFormat(locale).format(value);

  return {
    number,
    /** A text with its places filled; `n` also chooses the form of a counted one. */
    say(key: keyof Texts, values: Record<string, string | number>): string {
      const text = texts[key];
      const form = typeof text === 'string' ? text : formOf(text, language, Number(values['n']));
      return form.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = values[name] ?? '';
        return typeof value === 'number' ? number(value) : value;
      });
    },
    money: (minor: number, currency: string) => moneyOf(minor, currency, locale),
    date: (time: string | number) =>
      new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' }).format(new Date(time)),
    time: (time: number) => new Intl.DateTimeFormat(locale, { timeStyle: 'medium' }).format(time),
    /** About how long, in the largest unit that fits. */
    span(seconds: number): string {
      const [value, unit] =
        seconds < 90
          ? [seconds, 'second']
          : seconds < 5_400
            ? [Math.round(seconds / 60), 'minute']
            : [Math.round(seconds / 3_600), 'hour'];
      return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
    },
    clock(label: string, ms: number, share: number | null) {
      const seconds = Math.ceil(ms / 1_000);
      return { label, time: clockTime(seconds, locale), share };
    },
  };
}

export function moneyOf(minor: number, currency: string, locale: string): string {
  const format = new Intl.NumberFormat(locale, { style: 'currency', currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

export function formOf(
  forms: Partial<Record<Intl.LDMLPluralRule, string>>,
  language: string,
  n: number,
): string {
  return forms[new Intl.PluralRules(language).select(n)] ?? forms.other ?? '';
}

/** `4:09`, `1:02:03`, and whole days before it. */
function clockTime(seconds: number, locale: string): string {
  const days = Math.floor(seconds / 86_400);
  const parts = [Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const [hours, ...rest] = parts as [number, number, number];
  const shown = days > 0 || hours > 0 ? [hours, ...rest] : rest;
  const [first, ...others] = shown;
  const time = [String(first), ...others.map((part) => String(part).padStart(2, '0'))].join(':');
  if (days === 0) return time;
  const unit = { style: 'unit', unit: 'day', unitDisplay: 'short' } as const;
  return `${new Intl.NumberFormat(locale, unit).format(days)} ${time}`;
}
