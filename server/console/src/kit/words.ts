// Words, numbers and times in the reader's language. The server says which
// language that is in the page itself, so it cannot change while a page is open.

export const english = document.documentElement.lang === "en";

/** A text in Vietnamese and English. */
export type Text = readonly [vi: string, en: string];

/** Chooses the language of one text. */
export const say = (t: Text): string => (english ? t[1] : t[0]);

/** Chooses the language of a page's texts: words({title: ["Tổ", "Teams"]}).title. */
export function words<K extends string>(texts: Record<K, Text>): Record<K, string> {
  const out = {} as Record<K, string>;
  for (const k in texts) out[k] = say(texts[k]);
  return out;
}

/** Puts values into a text: fill("{n} of {all}", {n: 1, all: 2}). */
export const fill = (text: string, values: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));

const locale = english ? "en-GB" : "vi-VN";
const zone = "Asia/Ho_Chi_Minh";
const numbers = new Intl.NumberFormat(locale);
const days = new Intl.DateTimeFormat(locale, { timeZone: zone, day: "2-digit", month: "2-digit", year: "numeric" });
const times = new Intl.DateTimeFormat(locale, { timeZone: zone, day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** A number with separators. */
export const number = (n: number): string => numbers.format(n);

/** A share of the whole, without decimals. */
export const percent = (part: number, whole: number): string => (whole > 0 ? `${Math.round((100 * part) / whole)} %` : "–");

/** The day of a time in Unix milliseconds; a dash for never. */
export const day = (ms?: number): string => (ms ? days.format(ms) : "–");

/** Day and minute of a time in Unix milliseconds; a dash for never. */
export const time = (ms?: number): string => (ms ? times.format(ms) : "–");

/** Words of the kit itself. */
export const kit = words({
  again: ["Thử lại", "Try again"],
  cancel: ["Hủy", "Cancel"],
  close: ["Đóng", "Close"],
  copied: ["Đã chép", "Copied"],
  copy: ["Chép", "Copy"],
  loading: ["Đang tải…", "Loading…"],
  menu: ["Danh mục", "Menu"],
  more: ["Xem thêm", "Show more"],
  offline: ["Không nối được với máy chủ. Hãy xem mạng rồi thử lại.", "The server cannot be reached. Check the network and try again."],
  request: ["Mã yêu cầu", "Request"],
  skip: ["Bỏ qua danh mục", "Skip to the content"],
  sortBy: ["Sắp xếp theo {what}", "Sort by {what}"],
  undo: ["Hoàn tác", "Undo"],
  undone: ["Đã hoàn tác.", "Undone."],
});
