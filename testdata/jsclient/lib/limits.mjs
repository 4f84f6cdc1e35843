// The limits of PROTOCOL.md section 19 and those its other sections name.

export const FIELDS = 128;
export const FIELD_NUMBER = 2n ** 31n;
export const VALUE = 16384;
export const ROW = 32768;
export const LIST_ITEMS = 64;
export const PACKED_DATE = 5119999;
export const REFERENCES = 64;
export const SEGMENT_CHANGES = 1000;
export const SEGMENT = 65536;
export const SEQ = 2n ** 62n;
export const COLUMNS = 1024;
export const BLOCK = 524288;
export const TABLE_KEYS = 512;
export const SHAPES = 1000;
export const FIXED = 32;
export const MESSAGE = 1048576;
export const BUNDLE = 67108864;
export const BUNDLE_ENTRIES = 131072;
export const ENTRY_DATA = 1048576;
export const PAGE_BODY = 262144;
export const PAGE_ENTRIES = 2000;
export const EXCEPTIONS = 1000;
export const UNIT = 128;
export const FEED = 128;
export const REASON = 64;
export const TOKEN = 4096;
