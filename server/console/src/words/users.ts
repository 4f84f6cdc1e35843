// Words of the page of accounts.
import { words, type Text } from "../kit/words";

export const w = words({
  title: ["Tài khoản", "Users"],
  lead: ["Ai được vào hệ thống, với vai trò nào. Chủ tài khoản tự đặt mật khẩu bằng liên kết dùng một lần.", "Who may come in, and in which role. Owners set their password themselves by a one-time link."],
  add: ["Thêm tài khoản", "Add an account"],
  name: ["Tên đăng nhập", "Name to sign in with"],
  nameHint: ["Chữ thường không dấu, số, dấu chấm hoặc gạch nối, ví dụ xa-minh-ngoc.", "Small letters without marks, digits, dots or hyphens, such as xa-minh-ngoc."],
  role: ["Vai trò", "Role"],
  units: ["Đơn vị", "Units"],
  unitsHint: ["Mã đơn vị của cán bộ xã, dạng danh-sách:mã, cách nhau bằng dấu cách.", "Codes of the officer's units as list:code, separated by blanks."],
  state: ["Trạng thái", "State"],
  seen: ["Vào lần cuối", "Last seen"],
  active: ["đang dùng", "active"],
  invited: ["chưa đặt mật khẩu", "no password yet"],
  disabled: ["đã khóa", "shut out"],
  factor: ["có bước 2", "second factor"],
  noFactor: ["chưa có bước 2", "no second factor"],
  disable: ["Khóa", "Shut out"],
  enable: ["Mở lại", "Let in"],
  reset: ["Liên kết mới", "New link"],
  change: ["Đổi vai trò", "Change role"],
  save: ["Lưu", "Save"],
  saved: ["Đã đổi vai trò của {name}.", "The role of {name} was changed."],
  didDisable: ["Đã khóa {name}; người này bị đưa ra ngay.", "{name} is shut out, and out of every session at once."],
  didEnable: ["Đã mở lại {name}.", "{name} may come in again."],
  resetTitle: ["Tạo liên kết mới cho {name}?", "A new link for {name}?"],
  resetText: ["Mật khẩu và bước xác minh thứ hai cũ sẽ mất ngay, không lấy lại được.", "The present password and second factor are gone at once and cannot be brought back."],
  linkTitle: ["Liên kết cho {name}", "Link for {name}"],
  linkText: ["Trao tận tay hoặc qua kênh riêng. Dùng được một lần, trong {hours} giờ. Đóng lại là không xem lại được.", "Hand it over in person or by a private channel. Good once, for {hours} hours. It cannot be shown again after closing."],
  link: ["Liên kết", "Link"],
  none: ["Chưa có tài khoản nào", "No accounts yet"],
  noneHelp: ["Thêm tài khoản cho từng người; không dùng chung.", "Add one for each person; do not share them."],
  actions: ["Thao tác", "Actions"],
});

export const roles: Record<"province" | "officer" | "auditor", Text> = {
  province: ["Cán bộ tỉnh", "Province operator"],
  officer: ["Cán bộ xã", "Commune officer"],
  auditor: ["Người kiểm tra nhật ký", "Auditor"],
};
