// The list of the console's pages: one line each, in the order of the menu.
import type { ComponentType } from "preact";
import type { OwnAccount } from "./api";
import type { Text } from "./kit";

export type Role = OwnAccount["role"];
export type Group = "work" | "data" | "people" | "trust";

export interface PageEntry {
  /** Address below /console. What follows it belongs to the page. */
  path: string;
  title: Text;
  group: Group;
  roles: readonly Role[];
  /** Whether a commune's point has the page, too. */
  point: boolean;
  load: () => Promise<{ default: ComponentType }>;
}

export const groups: readonly (readonly [Group, Text])[] = [
  ["work", ["Công việc", "Work"]],
  ["data", ["Dữ liệu", "Data"]],
  ["people", ["Máy và người", "Phones and people"]],
  ["trust", ["Kiểm soát", "Oversight"]],
];

export const pages: readonly PageEntry[] = [
  { path: "overview", title: ["Tổng quan", "Overview"], group: "work", roles: ["province", "officer"], point: true, load: () => import("./pages/overview") },
  { path: "units", title: ["Đơn vị và tổ", "Units and teams"], group: "work", roles: ["province", "officer"], point: true, load: () => import("./pages/units") },
  { path: "activity", title: ["Việc đã ghi", "Activity"], group: "work", roles: ["province", "officer"], point: true, load: () => import("./pages/activity") },
  { path: "health", title: ["Sức khoẻ đồng bộ", "Sync health"], group: "work", roles: ["province", "officer"], point: true, load: () => import("./pages/health") },
  { path: "exports", title: ["Báo cáo và xuất tệp", "Reports and files"], group: "work", roles: ["province", "officer"], point: true, load: () => import("./pages/exports") },
  { path: "requests", title: ["Yêu cầu của công dân", "Citizens' requests"], group: "trust", roles: ["province"], point: false, load: () => import("./pages/requests") },
  { path: "duplicates", title: ["Trùng người", "Same citizen twice"], group: "data", roles: ["province", "officer"], point: false, load: () => import("./pages/duplicates") },
  { path: "enrolment", title: ["Máy và nhận máy", "Devices"], group: "people", roles: ["province", "officer"], point: true, load: () => import("./pages/enrolment") },
  { path: "users", title: ["Tài khoản", "Users"], group: "trust", roles: ["province"], point: false, load: () => import("./pages/users") },
  { path: "conflicts", title: ["Mục ghi khác nhau", "Conflicts"], group: "data", roles: ["province", "officer"], point: true, load: () => import("./pages/conflicts") },
  { path: "registers", title: ["Đối chiếu danh sách", "Registers"], group: "data", roles: ["province", "officer"], point: false, load: () => import("./pages/registers") },
  { path: "audit", title: ["Nhật ký truy cập", "Access log"], group: "trust", roles: ["province", "auditor"], point: false, load: () => import("./pages/audit") },
  { path: "reorganisation", title: ["Sắp xếp đơn vị", "Reorganisation"], group: "data", roles: ["province", "officer", "auditor"], point: false, load: () => import("./pages/reorganisation") },
];
