package squeeze

// primerColumn is the column identity under which the primer is taught; the
// header has 0 and the columns count from 1.
const primerColumn = 0xffff

// primer is what the model has learnt before every segment: a phone often sends
// one to ten changes, too few to learn anything from. It is frozen: another
// text is another format. Where segments change their shape it only helps less.
const primer = primerNames + primerPhrases + primerWords + primerShapes

// primerNames are invented full names, for their parts and their letters.
const primerNames = "Nguyễn Thị Hoa Trần Văn Hùng Hoàng Văn Thắng Nông Thị Hương Vàng Mí Sính Giàng Thị Mỷ Triệu Văn " +
	"Sơn Bàn Thị Mai Lý Thị Lan Đặng Văn Minh Phàn Mùi Mẩy Sùng Mí Dình Lù Thị Chúng Ma Thị Thu Lê Đức " +
	"Anh Phạm Ngọc Tuấn Lò Seo Páo Hà Quang Dũng Đỗ Xuân Trường Vũ Hồng Thủy Bùi Thanh Hằng Lương Hữu " +
	"Cường Hạng A Chá Thào Thị Say Quan Thị Yến Chẩu Văn Toàn "

// primerPhrases are what is written in notes, addresses and places.
const primerPhrases = "không có điện thoại thông minh, chưa đăng ký được, đã hướng dẫn người dân cài đặt ứng dụng, hẹn " +
	"lại tháng sau, làm hồ sơ ở công an xã, sai thông tin trên giấy khai sinh, gia đình đề nghị hỗ trợ " +
	"tại nhà, mất mật khẩu của con, thẻ căn cước hết hạn, thôn bản vùng cao, sóng yếu lúc mưa, phải đi " +
	"bộ lên đường lớn. Ông bà già không biết chữ, nhờ cháu giúp. Nhà văn hóa thôn, Trường tiểu học, Chợ " +
	"phiên, Trạm y tế, xã. Cần cán bộ đến lần nữa; mọi người tham gia đông. Đã gọi cho trưởng thôn nhưng " +
	"số máy không liên lạc được. Trẻ em chưa có định danh mức hai, mẹ khai thay. Họ tên và ngày sinh " +
	"trên bảo hiểm khác với thẻ cũ."

// primerWords are words that records hold for choices, the frequent ones first.
const primerWords = "doneheldcome_againno_signalnot_donepartlywaitingrefuseddevice_unfitfew_camecancelledpassed_onsolvedopenappro" +
	"vedsubmittedcreatedbookedreviewbroughtenrolledcard_receivedexplainedfirstrenewalreissueselfrelativeneighbour" +
	"citizenbusinessteamcommuneyouthpolicetelecomteacherdistrictprovincemobilebankwalletpostappwebandroidiosvneid" +
	"dvcvssidzalosocialaccountbillvillage_househomeschoolofficefieldmarketloudspeakermeetinghome_visitvimongtayda" +
	"onungotherid_carde_identitypublic_servicesafetycashlesse_commercehealth_schooldisasterhealth_insurancehealth" +
	"_recordinsurancebirthresidencemarriagecertifyallowancelandvehiclewrong_datano_otpforgot_passwordno_papersfar" +
	"no_transport0_56_1314_2425_3940_5960_uplevel_1level_2activationphonesignalpaperssimdevicelanguagescamspokens" +
	"ignednoneweakgoodmalefemaleCCKHDD2TTDD1CDDVCHNTTKTMATTTRSTCthon-2025:00"

// primerShapes are control columns of the tables in a segment.
const primerShapes = "\x03\x09\x01\x01\x02\x01\x03\x01\x04\x05\x05\x01\x06\x05\x07\x03\x08\x01\x09\x03\x01\x01\x00\x01" +
	"\x00\x01\x00\x01\x00\x06\x05\x04\x00\x01\x00\x06\x05\x01\x01\x02\x08\x01\x01\x02\x01\x03\x01\x05" +
	"\x01\x06\x05\x07\x03\x08\x01\x09\x03\x01\x01\x00\x01\x00\x01\x00\x01\x00\x06\x05\x03\x00\x01\x00" +
	"\x06\x05\x01\x01\x09\x13\x01\x02\x02\x02\x03\x06\x04\x05\x05\x02 \x02 \x07!\x01!\x02!\x04\x22" +
	"\x01\x22\x02\x22\x04#\x02#\x04$\x01$\x02%\x02&\x02\x01\x01\x05\x01\x01\x00\x01\x00\x03\x05\x01" +
	"\x05\x03\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x07\x07\x01\x02\x02\x02\x03\x06\x04\x02\x05" +
	"\x02\x06\x02\x07\x02\x01\x01\x03\x0c\x00\x01\x00\x03\x05\x02\x01\x03\x0a\x00\x01\x00\x01\x02\x08" +
	"\x01\x01\x02\x01\x03\x01\x05\x01\x06\x05\x07\x03\x08\x01\x09\x03\x01\x00\x00\x01\x00\x01\x00\x01" +
	"\x00\x06\x02\x01\x03\x00\x01\x00\x06\x05\x01\x01\x04\x0d\x01\x02\x02\x02\x03\x06\x04\x05\x05\x02" +
	" \x02!\x02\x22\x02\x22\x04#\x02#\x04$\x02%\x01%\x02\x01\x00\x05\x01\x01\x02\x01\x02\x00\x03\x05" +
	"\x01\x02\x01\x02\x00\x01\x00\x01\x00\x01\x03\x07\x00\x01\x03\x06\x01\x02\x02\x02\x03\x06\x04\x02" +
	"\x05\x02\x06\x02\x01\x00\x03\x0c\x00\x01\x00\x03\x02\x01\x02\x00\x01\x03\x0a\x00\x01\x01\x04\x02" +
	"\x02\x03\x06\x04\x02\x06\x02\x00\x00\x01\x00\x03\x00\x01\x00\x01\x01\x08\x01\x01\x02\x01\x03\x01" +
	"\x05\x01\x06\x05\x07\x03\x08\x01\x09\x03\x00\x00\x01\x00\x01\x00\x01\x00\x06\x02\x00\x01\x00\x01" +
	"\x00\x06\x00\x01\x01\x09\x01\x02\x02\x02\x03\x06\x04\x05\x05\x02 \x02!\x02\x22\x02#\x02\x00\x00" +
	"\x01\x00\x01\x00\x03\x02\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x00\x01\x01\x05\x01\x02\x02\x02" +
	"\x03\x06\x04\x02\x05\x02\x00\x00\x01\x00\x01\x00\x03\x00\x01\x00\x01"
