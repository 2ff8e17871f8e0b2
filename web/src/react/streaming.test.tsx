import { renderHook } from "@testing-library/react";
import type { Followed } from "@throughline/client";
import type { ReactNode } from "react";
import { expect, test } from "vitest";
import { createFixture } from "../testing/fixture.ts";
import { useBackgroundStreamMonitor, useChatStreaming } from "./streaming.ts";
import { ThroughlineProvider } from "./throughline.tsx";

function world() {
  const followed = new Map<string, Followed>();
  const client = {
    ...createFixture(),
    follow(wanted: Followed) {
      followed.set(wanted.messageId, wanted);
      return () => void followed.delete(wanted.messageId);
    },
  };
  const wrapper = ({ children }: { children: ReactNode }) => (
    <ThroughlineProvider client={client}>{children}</ThroughlineProvider>
  );
  return { client, followed, wrapper };
}

test("many answers are followed at once, each until it is let go", () => {
  const { followed, wrapper } = world();
  const { result, unmount } = renderHook(() => useChatStreaming(), { wrapper });
  result.current.connectStream({ sessionId: "c", messageId: "1" });
  result.current.connectStream({ sessionId: "c", messageId: "2" });
  result.current.connectStream({ sessionId: "c", messageId: "3" });
  result.current.disconnectStream("2");
  expect([...followed.keys()]).toEqual(["1", "3"]);
  unmount();
  expect(followed.size).toBe(0);
});

test("following an answer again replaces the callbacks", () => {
  const { followed, wrapper } = world();
  const { result } = renderHook(() => useChatStreaming(), { wrapper });
  const second = { sessionId: "c", messageId: "1" };
  result.current.connectStream({ sessionId: "c", messageId: "1" });
  result.current.connectStream(second);
  expect(followed.get("1")).toBe(second);
});

test("the monitor leaves out what is shown", () => {
  const { client, wrapper } = world();
  const running = ["a", "b"].map((conversationId) => ({
    conversationId,
    messageId: `${conversationId}1`,
    taskId: `${conversationId}2`,
    startedAt: null,
  }));
  client.activity.set({ running, unreadTotal: 3, waitingToSend: 0 });
  const { result } = renderHook(() => useBackgroundStreamMonitor("a"), { wrapper });
  expect(result.current.running.map((each) => each.conversationId)).toEqual(["b"]);
  expect(result.current.unreadTotal).toBe(3);
});
