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
  { path: "audit", title: ["Nhật ký truy cập", "Access log"], group: "trust", roles: ["province", "auditor"], point: false, load: () => import("./pages/audit") },
];
