package clientlib

import (
	"strings"

	"thonsync/syncproto"
)

// FieldError says which rule an input does not fit, in both languages, and
// never the value. Its code is CodeInvalidInput.
type FieldError struct {
	Field  string // the field's word
	VI, EN string
}

// Error gives the field and the English text.
func (e *FieldError) Error() string { return e.Field + ": " + e.EN }

// Unwrap gives the code.
func (e *FieldError) Unwrap() error {
	return syncproto.Errorf(syncproto.CodeInvalidInput, "field %s does not fit its rule", e.Field)
}

// FieldErrors are all that is wrong with an input.
type FieldErrors []*FieldError

// Error gives the English texts, one after the other.
func (e FieldErrors) Error() string {
	parts := make([]string, len(e))
	for i, f := range e {
		parts[i] = f.Error()
	}
	return strings.Join(parts, "; ")
}

// Unwrap gives the single errors.
func (e FieldErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, f := range e {
		out[i] = f
	}
	return out
}

// rule is a pair of texts for one rule.
type rule struct{ vi, en string }

func (r rule) of(field string) *FieldError { return &FieldError{Field: field, VI: r.vi, EN: r.en} }

func oneError(field string, r rule) FieldErrors { return FieldErrors{r.of(field)} }

var (
	ruleUnknownField  = rule{"loại hoạt động này không có mục này", "this kind has no such field"}
	ruleUnknownKind   = rule{"máy chưa biết loại hoạt động này: hãy đến xã nhận danh sách mới rồi thử lại", "this kind is not known here: sync first, or choose another"}
	ruleRequired      = rule{"phải điền mục này", "this field is required"}
	ruleInt           = rule{"phải là số nguyên từ 0 trở lên", "must be a whole number, 0 or more"}
	ruleBool          = rule{"phải là có hoặc không", "must be yes or no"}
	ruleDate          = rule{"phải là ngày, ví dụ 31/12/2025, 12/2025 hoặc 2025", "must be a date such as 31/12/2025, 2025-12-31 or 2025"}
	ruleOption        = rule{"phải chọn một trong các giá trị có sẵn", "must be one of the options"}
	ruleOptions       = rule{"phải chọn trong các giá trị có sẵn, cách nhau bằng dấu phẩy", "must be options, separated by commas"}
	ruleText          = rule{"có ký tự không dùng được", "holds characters that cannot be used"}
	ruleLong          = rule{"dài quá 2.000 ký tự", "is longer than 2,000 characters"}
	ruleIDNumber      = rule{"số định danh phải có đúng 12 chữ số", "an identity number has exactly 12 digits"}
	ruleSex           = rule{"phải là nam hoặc nữ", "must be male or female"}
	rulePhone         = rule{"số điện thoại phải có 8 đến 15 chữ số", "a telephone number has 8 to 15 digits"}
	ruleUnit          = rule{"máy chưa biết đơn vị này", "this unit is not known here"}
	ruleNoPersonKind  = rule{"loại hoạt động này không ghi thông tin cá nhân", "this kind takes nothing about a person"}
	ruleValueType     = rule{"giá trị không đúng kiểu", "the value has the wrong type"}
	ruleReason        = rule{"lý do phải là mistake, duplicate, test hoặc other", "the reason is mistake, duplicate, test or other"}
	ruleNothing       = rule{"không có gì để thay đổi", "there is nothing to change"}
	ruleNoPerson      = rule{"hãy chọn người đang dùng máy", "choose who is using the device first"}
	ruleUnknownPerson = rule{"người này không có trên máy", "this person is not on this device"}
	rulePersonPIN     = rule{"người này phải nhập mã PIN trước", "this person has to enter the PIN first"}
	ruleName          = rule{"phải có tên", "a name is required"}
	rulePINForm       = rule{"mã PIN có 4 đến 8 chữ số", "a PIN has 4 to 8 digits"}
	rulePINWrong      = rule{"mã PIN không đúng", "the PIN is wrong"}
	rulePINLocked     = rule{"nhập sai quá nhiều lần: hãy thử lại sau", "too many wrong PINs: try again later"}
	rulePINNone       = rule{"người này không đặt mã PIN", "this person has no PIN"}
	ruleResetWrong    = rule{"mã trả lời không đúng: hãy đọc lại từ màn hình của cán bộ", "the answer is wrong: read it again from the officer's screen"}
	ruleConsent       = rule{"người dân phải đồng ý trước khi ghi thông tin cá nhân: ghi rõ đồng ý và cách đồng ý", "the citizen has to consent before anything personal is recorded: set consent and consent_how"}
	ruleWithdrawn     = rule{"chỉ rút lại được sự đồng ý ở việc đã ghi", "consent is taken back on a record that exists"}
	ruleSettled       = rule{"tỉnh đã quyết định, không cần trả lời nữa", "this was settled: no answer is needed any more"}
	ruleErased        = rule{"bản ghi này đã bị xóa theo yêu cầu", "this record was erased on request"}
	ruleNotGeneral    = rule{"giá trị này không dùng được", "this value cannot be used"}

	warnSex    = rule{"số định danh cho thấy giới tính khác", "the identity number says another sex"}
	warnBirth  = rule{"số định danh cho thấy năm sinh khác", "the identity number says another year of birth"}
	warnFuture = rule{"ngày này ở tương lai", "this date is in the future"}
)

func (r rule) warn(field string) Warning { return Warning{Field: field, VI: r.vi, EN: r.en} }
