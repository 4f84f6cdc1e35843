// Words of the page of phones and points.
import { words, type Text } from "../kit/words";

export const w = words({
  title: ["Máy và nhận máy", "Devices and enrolment"],
  lead: ["Điện thoại của các tổ và điểm nhận của xã. Máy bị mất thì thu hồi ngay; việc đã ghi không mất.", "Phones of the teams and the communes' points. Revoke a lost one at once; recorded work is never lost."],
  enrol: ["Nhận máy mới (hiện mã QR)", "Take a phone in (shows the QR)"],
  device: ["Máy", "Device"],
  team: ["Tổ", "Team"],
  unit: ["Đơn vị", "Unit"],
  state: ["Trạng thái", "State"],
  contact: ["Liên lạc cuối", "Last contact"],
  changes: ["Đã nhận", "Received"],
  work: ["Còn thiếu", "Still missing"],
  filter: ["Hiện", "Show"],
  all: ["Tất cả", "All"],
  held: ["Có việc chờ duyệt", "Work waits for a release"],
  asked: ["Xã xin thu hồi", "Revocation asked for"],
  revoke: ["Thu hồi", "Revoke"],
  revokeTitle: ["Thu hồi {name}?", "Revoke {name}?"],
  revokeText: ["Máy này không gửi và nhận được nữa. Việc ghi trước đó vẫn tính; việc ghi sau được giữ lại chờ duyệt, không xóa. Dùng lại máy thì nhận máy mới.", "The device can no longer exchange. What it recorded before counts; what comes later is kept for a release, never destroyed. To use it again, take it in anew."],
  askText: ["Điểm này ngừng phục vụ máy ngay và xin tỉnh thu hồi. Có thể bỏ chặn cho đến khi tỉnh thu hồi.", "This point stops serving the device at once and asks the province to revoke it. The block can be ended until the province has."],
  reason: ["Lý do", "Reason"],
  revoked: ["Đã thu hồi {name}.", "{name} was revoked."],
  blocked: ["Đã chặn {name} và xin tỉnh thu hồi.", "{name} is blocked; the province is asked to revoke it."],
  release: ["Duyệt việc đang giữ", "Release what is held"],
  unblock: ["Bỏ chặn", "End the block"],
  released: ["Đã duyệt việc của {name}.", "The work of {name} was released."],
  heldWork: ["{n} việc chờ duyệt", "{n} changes held"],
  missing: ["thiếu {n}", "{n} missing"],
  waiting: ["máy còn {n} chưa gửi", "{n} still on the device"],
  none: ["Không có máy nào như vậy", "There are no such devices"],
  noneHelp: ["Bấm Nhận máy mới để ghép điện thoại của một tổ.", "Press Take a phone in to join a team's phone."],
  details: ["Chi tiết", "Details"],
  gaps: ["Số còn thiếu", "Missing numbers"],
  noGaps: ["Không thiếu số nào.", "No number is missing."],
  outcomes: ["Kết quả xử lý", "Outcomes"],
  seen: ["Điểm đã nhận giúp", "Receipted by points"],
  actions: ["Thao tác", "Actions"],
  point: ["Điểm nhận", "Point"],
  more: ["{n} máy, đang hiện {shown}.", "{n} devices, {shown} shown."],
});

export const states: Record<string, Text> = {
  active: ["đang dùng", "active"], revoked: ["đã thu hồi", "revoked"], blocked: ["đang chặn", "blocked"], retired: ["đã bỏ", "retired"],
};

export const reasons: readonly (readonly [string, Text])[] = [
  ["lost", ["Bị mất", "Lost"]], ["stolen", ["Bị lấy cắp", "Stolen"]], ["broken", ["Bị hỏng", "Broken"]], ["left", ["Người giữ máy đã nghỉ", "Its holder has left"]],
];

export const outcomes: Record<string, Text> = {
  accepted: ["được nhận", "accepted"], quarantined: ["tạm giữ", "quarantined"], forked: ["rẽ nhánh", "forked"], erased: ["đã xóa", "erased"], refused: ["bị từ chối", "refused"],
};
