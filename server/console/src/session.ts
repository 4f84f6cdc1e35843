// Who has signed in, and at what kind of server.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { OwnAccount, Version } from "./api";

export interface Session {
  account: OwnAccount;
  version: Version;
  atPoint: boolean;
}

export const SessionContext = createContext<Session | undefined>(undefined);

/** The session that the page runs in. */
export function useSession(): Session {
  const s = useContext(SessionContext);
  if (!s) throw new Error("no session around this page");
  return s;
}
