// Words of contested fields.
import { words, type Text } from "../kit/words";

export const w = words({
  title: ["Mục ghi khác nhau", "Conflicts"],
  lead: ["Hai người ghi một mục hai cách mà không biết nhau. Không cách nào bị mất; chọn cách đúng, hoặc hỏi lại tổ đã ghi.", "Two people wrote one field two ways without knowing of each other. Neither is lost; choose the right one, or ask the team that wrote it."],
  queue: ["Cần chọn", "To settle"],
  alike: ["Giống nhau", "Alike"],
  settled: ["Đã chốt", "Settled"],
  views: ["Xem", "Show"],
  reason: ["Gợi ý vì", "Suggested because"],
  all: ["Tất cả", "All"],
  unit: ["Thôn", "Village"],
  what: ["Việc", "Activity"],
  field: ["Mục", "Field"],
  values: ["Các cách ghi", "Values"],
  suggested: ["gợi ý", "suggested"],
  shown: ["đang hiện", "shown now"],
  personalHidden: ["{n} cách ghi (thông tin cá nhân, mở ra mới xem)", "{n} values (personal, open to see)"],
  personalClosed: ["Thông tin cá nhân: chỉ trung tâm tỉnh xem và chốt được.", "Personal: only the province's centre sees and settles it."],
  cleared: ["(để trống)", "(cleared)"],
  open: ["Xem và chọn", "Look and settle"],
  back: ["Về danh sách", "Back to the list"],
  none: ["Không có mục nào ghi khác nhau", "Nothing is contested"],
  noneHelp: ["Khi hai máy ghi khác nhau, mục đó sẽ hiện ở đây. Có thể bỏ bộ lọc để xem hết.", "When two phones write different values, the field appears here. Take filters away to see all."],
  clear: ["Bỏ bộ lọc", "Clear the filters"],
  done: ["Việc này không còn mục nào ghi khác nhau", "Nothing is contested in this record any more"],
  pick: ["Chọn", "Choose"],
  writer: ["Ai ghi, lúc nào", "Who wrote it, when"],
  askedTitle: ["Đã hỏi tổ", "Asked"],
  choose: ["Chọn cách này", "Choose this value"],
  other: ["Ghi giá trị khác", "Another value"],
  otherHelp: ["Khi cả hai cách đều sai.", "When both are wrong."],
  otherSave: ["Chốt giá trị này", "Settle with this value"],
  by: ["{who}, trên {phone}", "{who}, on {phone}"],
  recorder: ["người ghi việc này", "recorded it"],
  officer: ["cán bộ", "officer"],
  between: ["ghi từ {from} đến {to}", "written between {from} and {to}"],
  before: ["ghi trước {to}", "written before {to}"],
  phoneSays: ["đồng hồ máy: {at}", "phone says {at}"],
  noSuggestion: ["Không có căn cứ để gợi ý", "No suggestion"],
  noSuggestionHelp: ["Không có gì cho thấy cách nào đúng hơn. Nên hỏi lại tổ.", "Nothing speaks for one of them. Better ask the team."],
  suggestion: ["Gợi ý: cách {n}", "Suggested: value {n}"],
  ask: ["Hỏi lại tổ", "Ask the team back"],
  askHelp: ["Câu hỏi sẽ hiện trên máy của tổ ở lần gửi tới.", "The question appears on the team's phones after their next contact."],
  asked: ["Đã gửi câu hỏi xuống tổ", "The question goes down to the team"],
  askedAt: ["Đã hỏi lúc {at}: {what}", "Asked {at}: {what}"],
  noAnswer: ["chưa trả lời", "not answered yet"],
  answered: ["Tổ trả lời", "The team answers"],
  settledOne: ["Đã chốt. Kết quả sẽ xuống các máy.", "Settled. It goes down to the phones."],
  settledMany: ["Đã chốt {n} mục.", "Settled {n} fields."],
  skipped: ["{n} mục đã thay đổi nên được giữ nguyên.", "{n} had changed and were left."],
  already: ["Mục này đã được chốt trước đó.", "This was settled before."],
  undo: ["Hoàn tác", "Undo"],
  undone: ["đã hoàn tác {at}", "undone {at}"],
  undoneNow: ["Đã hoàn tác: các cách ghi cũ lại hiện như trước.", "Undone: the former values stand again."],
  count: ["Số mục", "Count"],
  preview: ["Xem danh sách", "See the list"],
  previewTitle: ["{n} mục giống nhau", "{n} conflicts alike"],
  settleAll: ["Chốt cả {n} theo gợi ý", "Settle all {n} as suggested"],
  settleAllAs: ["Chốt cả {n}: {value}", "Settle all {n}: {value}"],
  when: ["Lúc", "When"],
  who: ["Ai chốt", "Who"],
  how: ["Cách", "How"],
  nothingSettled: ["Chưa chốt mục nào", "Nothing was settled yet"],
  nothingSettledHelp: ["Chọn một mục ở danh sách cần chọn.", "Choose one in the list to settle."],
  atPoint: ["Điểm nhận chỉ xem. Chốt ở trung tâm tỉnh, hoặc ngay trên máy đã ghi.", "A point only shows. Settle at the province's centre, or on the phones that wrote it."],
});

export const reasons: Record<string, Text> = {
  "identity-number": ["khớp với số định danh", "agrees with the identity number"],
  fuller: ["ghi đầy đủ hơn", "says the same in full"],
  officer: ["cán bộ ghi", "an officer wrote it"],
  later: ["chắc chắn ghi sau", "certainly written later"],
  recorder: ["người làm việc đó ghi", "who recorded the visit wrote it"],
  none: ["không có gợi ý", "no suggestion"],
};

export const fields: Record<string, Text> = {
  void: ["Rút lại việc đã ghi", "Retraction"],
  result: ["Kết quả", "Result"],
  occurred: ["Ngày làm", "Day"],
  unit: ["Nơi làm", "Unit"],
  kind: ["Loại việc", "Kind"],
  team: ["Tổ", "Team"],
  id_number: ["Số định danh", "Identity number"],
  full_name: ["Họ và tên", "Full name"],
  birth_date: ["Ngày sinh", "Date of birth"],
  sex: ["Giới tính", "Sex"],
  phone: ["Điện thoại", "Telephone"],
  address: ["Địa chỉ", "Address"],
  note: ["Ghi chú", "Note"],
};

export const texts: Record<string, Text> = {
  retract: ["Rút lại", "Retract"],
  keep: ["Giữ lại", "Keep"],
  male: ["nam", "male"],
  female: ["nữ", "female"],
};

export const asks: Record<string, Text> = {
  which: ["Cách ghi nào đúng?", "Which value is right?"],
  right: ["Ghi như vậy đúng chưa?", "Is it right as it stands?"],
  happened: ["Việc này có làm thật không?", "Did it happen at all?"],
};

export const replies: Record<string, Text> = {
  confirmed: ["đúng như đang hiện", "right as shown"],
  corrected: ["đã sửa lại", "corrected"],
  retracted: ["đã rút lại", "retracted"],
  unknown: ["tổ cũng không rõ", "the team does not know"],
};

export const hows: Record<string, Text> = {
  chosen: ["chọn một cách", "chosen"],
  typed: ["ghi giá trị khác", "typed"],
  alike: ["chốt hàng loạt", "alike"],
};
