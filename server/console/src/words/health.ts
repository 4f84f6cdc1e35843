// Words of sync health.
import { words, type Text } from "../kit/words";

export const w = words({
  title: ["Sức khoẻ đồng bộ", "Sync health"],
  lead: ["Cái gì thiếu, cái gì chậm, cái gì sai trên đường từ máy đến trung tâm, và làm gì tiếp.", "What is missing, late or wrong on the way from phones to the centre, and what to do next."],
  devices: ["Máy và điểm", "Phones and points"],
  wrong: ["Việc cần xem", "To look at"],
  urgent: ["gấp", "urgent"],
  what: ["Có gì", "What"],
  about: ["Ở đâu", "Where"],
  since: ["Từ lúc", "Since"],
  next: ["Làm gì", "What to do"],
  kind: ["Loại", "Kind"],
  all: ["Tất cả", "All"],
  dismissed: ["Cả việc đã gác lại", "Also what was put aside"],
  dismiss: ["Gác lại", "Put aside"],
  dismissTitle: ["Gác việc này lại", "Put this aside"],
  reason: ["Vì sao", "Why"],
  reasonHint: ["Người xem sau phải hiểu được. Việc tự hiện lại nếu xảy ra lần nữa.", "Who looks later must understand it. It comes back by itself if it happens again."],
  undo: ["Đưa lại", "Bring back"],
  done: ["Đã gác lại.", "Put aside."],
  clear: ["Bỏ bộ lọc", "Clear the filters"],
  none: ["Không có gì cần xem", "Nothing to look at"],
  noneHelp: ["Mọi máy đều gửi đều và không thiếu số nào. Nếu đang lọc, hãy bỏ bộ lọc.", "Every phone sends and no number is missing. If you filter, take the filters away."],
  device: ["Máy này", "This device"],
  where: ["Việc đang ở đâu", "Where its work is"],
  changes: ["Thay đổi", "Changes"],
  heard: ["Tin cuối", "Last heard"],
  close: ["Đóng", "Close"],
});

export const places: Record<string, Text> = {
  phone: ["trên máy", "on the phone"],
  point: ["ở điểm xã", "at the point"],
  centre: ["ở trung tâm", "at the centre"],
};

export const kinds: Record<string, Text> = {
  "backup-failed": ["Sao lưu hỏng", "Backup failed"],
  "request-due": ["Yêu cầu đến hạn", "Request due"],
  fork: ["Hai bản một máy", "Two copies"],
  restored: ["Máy khôi phục", "Restored phone"],
  gap: ["Thiếu số", "Missing numbers"],
  quarantine: ["Giữ riêng", "Kept apart"],
  held: ["Tạm giữ", "Held"],
  "at-point": ["Nằm ở điểm", "Lies at a point"],
  backlog: ["Chưa gửi hết", "Not all sent"],
  quiet: ["Lâu không tin", "Quiet"],
  "never-heard": ["Chưa gửi lần nào", "Never heard of"],
  "point-behind": ["Điểm chậm", "Point behind"],
  clock: ["Sai giờ", "Wrong clock"],
  "team-stopped": ["Tổ ngừng hoạt động", "Team stopped"],
  conflict: ["Bất đồng", "Conflict"],
};
