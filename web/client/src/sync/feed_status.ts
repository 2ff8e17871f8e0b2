/** What people are shown of the state of the connection. */
import type { ConnectionState } from "./connection_state.ts";
import type { FeedStatus } from "./feed.ts";
import type { Role } from "./tabs.ts";

export function statusOf(state: ConnectionState, role: Role): FeedStatus {
  // A careful try of events is none yet: most networks that break them once break them again.
  const isCareful = (state.kind === "connecting" || state.kind === "open") && state.careful;
  return { state: shownState(state), transport: isCareful ? "poll" : state.memory.transport, role };
}

function shownState(state: ConnectionState): FeedStatus["state"] {
  switch (state.kind) {
    case "connecting":
    case "probing":
      return { kind: "connecting" };
    case "open":
      return { kind: "connected", since: state.since };
    case "waiting": {
      const { retryAt, cause } = state;
      return { kind: "waiting", retryAt, cause, tries: state.memory.failures };
    }
    case "stopped":
      return { kind: "stopped" };
    case "paused":
      switch (state.reason) {
        case "offline":
          return { kind: "offline" };
        case "not_leader":
          return { kind: "connecting" };
        case "frozen":
        case "signed_out":
          return { kind: "stopped" };
      }
  }
}
