// The console's own words. The language is kept by the server in the cookie that
// all its pages share; asking for lang=vi or lang=en changes it.
import { english, words } from "./kit/words";

/** The address of this page in the other language. */
export function otherLanguage(): string {
  const q = new URLSearchParams(location.search);
  q.set("lang", english ? "vi" : "en");
  return location.pathname + "?" + q.toString();
}

export const w = words({
  account: ["Tài khoản của tôi", "My account"],
  centre: ["Trung tâm tỉnh", "Province centre"],
  point: ["Điểm nhận của xã", "Commune point"],
  language: ["English", "Tiếng Việt"],
  lost: ["Không có trang này", "There is no such page"],
  lostHelp: ["Địa chỉ có thể đã cũ, hoặc tài khoản này không được mở trang đó. Hãy chọn một trang trong danh mục.", "The address may be old, or this account may not open it. Choose a page from the menu."],
  nothing: ["Tài khoản này chưa có trang nào ở đây", "This account has no pages here"],
});
