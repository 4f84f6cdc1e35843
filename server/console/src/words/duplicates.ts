// Words of the page about records of the same citizen.
import { words, type Text } from "../kit/words";

export const w = words({
  title: ["Trùng người", "Same citizen twice"],
  lead: [
    "Hai hồ sơ có thể nói về cùng một người. Ghép không sửa hồ sơ nào, và luôn bỏ được.",
    "Two records may be about one person. Linking changes neither of them, and can always be undone.",
  ],
  state: ["Tình trạng", "State"],
  suggested: ["Chờ xem", "To look at"],
  linked: ["Đã ghép", "Linked"],
  apart: ["Không phải một người", "Not the same"],
  exact: ["Chỉ các cặp cùng số định danh", "Only pairs with one identity number"],
  unit: ["Đơn vị", "Unit"],
  scan: ["So lại ngay", "Compare now"],
  scanned: ["Đã so {n} hồ sơ: {suggested} cặp chờ xem, {linked} cặp tự ghép.", "{n} records compared: {suggested} pairs to look at, {linked} linked by themselves."],
  none: ["Không có cặp nào ở đây", "There are no pairs here"],
  noneHelp: ["Máy tự so các hồ sơ mới. Hãy chọn tình trạng khác, hoặc bấm “So lại ngay”.", "New records are compared by themselves. Choose another state, or press “Compare now”."],
  noneHelpOfficer: ["Máy tự so các hồ sơ mới. Hãy chọn tình trạng khác.", "New records are compared by themselves. Choose another state."],
  pair: ["Cặp hồ sơ", "Pair"],
  where: ["Nơi ghi", "Where"],
  likely: ["Độ giống", "Likeness"],
  looks: ["Điểm giống và khác", "Alike and different"],
  look: ["Xem", "Look"],
  close: ["Đóng", "Close"],
  field: ["Mục", "Field"],
  first: ["Hồ sơ 1", "Record 1"],
  second: ["Hồ sơ 2", "Record 2"],
  compares: ["So sánh", "Compares"],
  weight: ["Trọng số (bit)", "Weight (bits)"],
  together: ["Sau khi ghép", "Together"],
  empty: ["(trống)", "(empty)"],
  prior: ["Trước khi so", "Before comparing"],
  total: ["Tổng", "Sum"],
  explain: [
    "Trọng số dương nói là một người, âm nói là hai người; cộng lại từ 2 trở lên thì đáng xem. Tên giống nhau thôi không đủ.",
    "A positive weight speaks for one person, a negative one for two; a sum of 2 or more is worth a look. The name alone is never enough.",
  ],
  logged: ["Việc mở cặp này đã được ghi vào nhật ký truy cập.", "That this pair was opened is in the access log."],
  reason: ["Vì sao", "Why"],
  link: ["Cùng một người", "The same person"],
  reject: ["Không phải một người", "Not the same person"],
  undo: ["Bỏ quyết định này", "Take this decision back"],
  alike: ["Ghép mọi cặp giống thế này", "Link all pairs like this"],
  didLink: ["Đã ghép hai hồ sơ.", "The two records are linked."],
  didReject: ["Đã ghi: không phải một người.", "Noted: not the same person."],
  didUndo: ["Đã bỏ. Hai hồ sơ như cũ.", "Taken back. Both records are as before."],
  didAlike: ["Đã ghép {n} cặp.", "{n} pairs linked."],
  history: ["Đã quyết định", "What was decided"],
  group: ["{n} hồ sơ đang nói về người này.", "{n} records are about this person."],
  centre: ["máy tự làm", "by itself"],
});

export const levels: Record<string, Text> = {
  missing: ["thiếu", "missing"],
  same: ["giống", "same"],
  marks: ["khác dấu", "other marks"],
  near: ["gần giống", "near"],
  partly: ["giống một phần", "partly"],
  differs: ["khác", "differs"],
};

export const fields: Record<string, Text> = {
  id_number: ["Số định danh", "Identity number"],
  full_name: ["Họ và tên", "Full name"],
  birth_date: ["Ngày sinh", "Birth date"],
  sex: ["Giới tính", "Sex"],
  phone: ["Điện thoại", "Telephone"],
  address: ["Địa chỉ", "Address"],
  unit: ["Nơi ghi", "Where recorded"],
};

export const sexes: Record<string, Text> = { male: ["nam", "male"], female: ["nữ", "female"] };

export const reasons: readonly (readonly [string, Text])[] = [
  ["compared", ["Đã so các mục", "The fields were compared"]],
  ["card-seen", ["Đã xem thẻ căn cước", "The cards were seen"]],
  ["asked", ["Đã hỏi người dân hoặc tổ", "The citizen or the team was asked"]],
  ["same-number", ["Cùng số định danh", "One identity number"]],
  ["relatives", ["Hai người trong một nhà", "Two people of one family"]],
  ["mistake", ["Lần trước bấm nhầm", "The decision before was a slip"]],
];

export const acts: Record<string, Text> = {
  link: ["ghép", "linked"],
  apart: ["không phải một người", "not the same"],
  undo: ["bỏ quyết định", "taken back"],
  reopened: ["mở lại vì hồ sơ đã sửa", "reopened, a record was corrected"],
  erased: ["một hồ sơ đã xóa", "one record was erased"],
};
