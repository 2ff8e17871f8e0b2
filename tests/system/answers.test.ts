// The main job: post, stream, leave, come back, stop, ask again.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, startEngine } from "./support/engine.ts";
import { freshKey, type Model, startModel, wish } from "./support/model.ts";
import { until } from "./support/process.ts";
import { followWithEventSource, readOnce, readToEnd, Transcript } from "./support/stream.ts";

let model: Model;
let engine: Engine;

beforeAll(async () => {
  model = await startModel();
  engine = await startEngine({ model: model.base });
});
afterAll(async () => {
  await engine?.dispose();
  await model?.stop();
});

describe("one answer", () => {
  test("arrives byte for byte as the model sent it, in the stream and in the database", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 60, pace_ms: 5, reasoning: 10 }));
    expect(posted.status).toBe("processing");
    expect(posted.stream_url).toBe(`/stream/${posted.task_id}`);
    const seen = await readToEnd(engine.url, posted.task_id);
    const sent = await model.last(key);
    expect(seen.content).toBe(sent.sent_text);
    expect(seen.reasoning).toBe(sent.sent_reasoning);
    expect(seen.terminal).toMatchObject({ chunk_type: "done", status: "completed", finish_reason: "stop" });
    const message = await engine.message(posted.conversation_id, posted.message_id);
    expect(message.content).toBe(sent.sent_text);
    expect(message.reasoning).toBe(sent.sent_reasoning);
    expect(message).toMatchObject({ status: "completed", finish_reason: "stop", role: "assistant", attempt: 1 });
    expect(message.usage).toMatchObject({ estimated: false });
    expect(message.usage).toEqual(seen.terminal!.usage);
    expect(message.latency_ms).toBe(seen.terminal!.latency_ms);
    expect((await engine.task(posted.task_id)).state).toBe("succeeded");
  });

  test("comes the same to a browser's EventSource and is not sent again after its end", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 30, pace_ms: 5 }));
    const seen = await followWithEventSource(engine.url, posted.task_id);
    expect(seen.content).toBe((await model.last(key)).sent_text);
    const again = await fetch(`${engine.url}/stream/${posted.task_id}`, {
      headers: { "Last-Event-ID": seen.position! },
    });
    expect(again.status).toBe(204);
  });

  test("is resumed from any position, by header and by parameter", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 25, pace_ms: 1 }));
    const whole = await readToEnd(engine.url, posted.task_id);
    const sent = (await model.last(key)).sent_text;
    for (let index = 0; index < whole.index; index += 5) {
      const byHeader = new Transcript();
      byHeader.attempt = 1;
      byHeader.index = index;
      byHeader.position = `1-${index}`;
      await readToEnd(engine.url, posted.task_id, { transcript: byHeader });
      expect(sent.endsWith(byHeader.content)).toBe(true);
      expect(byHeader.index).toBe(whole.index);
      const byParameter = new Transcript();
      byParameter.attempt = 1;
      byParameter.index = index;
      await readOnce(engine.url, posted.task_id, byParameter, { path: `/stream/${posted.task_id}?after=1-${index}` });
      expect(byParameter.content).toBe(byHeader.content);
    }
  });

  test("survives a reader that is cut fifty times", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 150, pace_ms: 10 }));
    const transcript = new Transcript();
    let connections = 0;
    while (!transcript.terminal) {
      await readOnce(engine.url, posted.task_id, transcript, { cutAfter: 3 });
      connections++;
    }
    expect(connections).toBeGreaterThanOrEqual(50);
    expect(transcript.content).toBe((await model.last(key)).sent_text);
    expect(transcript.resets).toEqual([]);
  });

  test.each(["garbage", "0-0", "1-", "-1-5", "1-99999999999999999999", "1-4294967296", "01-2"])(
    "gives the whole text after a reset to a reader with the position %s",
    async (position) => {
      const key = freshKey();
      const posted = await engine.ask(wish({ key, tokens: 5, pace_ms: 0 }));
      await readToEnd(engine.url, posted.task_id);
      const transcript = new Transcript();
      transcript.position = position;
      await readOnce(engine.url, posted.task_id, transcript);
      expect(transcript.resets[0]).toMatchObject({ chunk_index: -1, reason: "position_unknown" });
      expect(transcript.content).toBe((await model.last(key)).sent_text);
      expect(transcript.terminal?.chunk_type).toBe("done");
    },
  );

  test.each(["/stream/TASK", "/chat/stream/SESSION?message_id=MESSAGE"])(
    "gives the whole text again to a reader that is cut off behind a reset of %s",
    async (form) => {
      const key = freshKey();
      const posted = await engine.ask(wish({ key, tokens: 5, pace_ms: 0 }));
      await readToEnd(engine.url, posted.task_id);
      const path = form.replace("TASK", posted.task_id).replace("SESSION", posted.conversation_id).replace("MESSAGE", posted.message_id);
      const transcript = new Transcript();
      transcript.position = "garbage";
      await readOnce(engine.url, posted.task_id, transcript, { path, cutAfter: 1 });
      expect(transcript.position).toBe(form.includes("chat") ? `${posted.task_id}:0-0` : "0-0");
      await readToEnd(engine.url, posted.task_id, { transcript, path: path.replace(/\?.*/, "") });
      expect(transcript.resets.map((chunk) => chunk.reason)).toEqual(["position_unknown", "position_unknown"]);
      expect(transcript.content).toBe((await model.last(key)).sent_text);
    },
  );

  test("gives the whole text after a reset to a reader from the future", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 30, pace_ms: 20 }));
    const transcript = new Transcript();
    transcript.position = "1-5000";
    await readToEnd(engine.url, posted.task_id, { transcript });
    expect(transcript.resets.length).toBe(1);
    expect(transcript.content).toBe((await model.last(key)).sent_text);
  });

  test("is handed out by long poll in the same pieces", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 40, pace_ms: 10 }));
    let after = "";
    let content = "";
    for (;;) {
      const reply = await engine.call("GET", `/stream/${posted.task_id}?after=${after}&wait=5`, undefined, {
        Accept: "application/json",
      });
      expect(reply.status).toBe(200);
      for (const chunk of reply.body.chunks) if (chunk.chunk_type === "content") content += chunk.content;
      after = reply.body.position;
      if (reply.body.ended) break;
    }
    expect(content).toBe((await model.last(key)).sent_text);
  });

  test("of two hundred at once, with readers that come and go, none is damaged", async () => {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const key = freshKey();
        const posted = await engine.ask(wish({ key, tokens: 40 + (n % 40), pace_ms: 20 }));
        return { key, posted };
      }),
    );
    await Promise.all(
      answers.map(async ({ key, posted }, n) => {
        const transcript = new Transcript();
        while (!transcript.terminal) {
          const cutAfter = 1 + Math.floor(Math.random() * 30);
          await readOnce(engine.url, posted.task_id, transcript, n % 4 === 0 ? {} : { cutAfter });
        }
        expect(transcript.content).toBe((await model.last(key)).sent_text);
        expect(transcript.resets).toEqual([]);
        expect((await engine.message(posted.conversation_id, posted.message_id)).content).toBe(transcript.content);
      }),
    );
  });
});

describe("stopping", () => {
  test("closes the request to the model, keeps the text and its usage, and tells every viewer the same", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 5000, pace_ms: 20 }));
    const viewers = [readToEnd(engine.url, posted.task_id), readToEnd(engine.url, posted.task_id)];
    await until("some text", async () => (await engine.task(posted.task_id)).chunk_count > 5);
    const reply = await engine.call("POST", `/tasks/${posted.task_id}/cancel`);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ state: "cancelled", status: "cancelled" });
    const closed = await until("the model's connection closed", async () => {
      const request = await model.last(key);
      return request.closed_by_client && request;
    });
    const [first, second] = await Promise.all(viewers);
    expect(first!.terminal).toMatchObject({ chunk_type: "done", status: "cancelled" });
    expect(second!.content).toBe(first!.content);
    expect(second!.position).toBe(first!.position);
    expect(closed.sent_text.startsWith(first!.content)).toBe(true);
    const message = await engine.message(posted.conversation_id, posted.message_id);
    expect(message).toMatchObject({ status: "cancelled", content: first!.content, usage: { estimated: true } });
    expect((await engine.call("POST", `/tasks/${posted.task_id}/cancel`)).status).toBe(200);
  });

  test("a task that waits for another one's end is cancelled at once, and its viewers hear of it", async () => {
    const conversation = await engine.conversation();
    const first = await engine.post(conversation.id, wish({ tokens: 5000, pace_ms: 20 }));
    const second = await engine.post(conversation.id, wish({ tokens: 3 }));
    const viewer = readToEnd(engine.url, second.task_id);
    expect((await engine.task(second.task_id)).state).toBe("queued");
    const reply = await engine.call("POST", `/tasks/${second.task_id}/cancel`);
    expect(reply).toMatchObject({ status: 200, body: { state: "cancelled" } });
    expect((await viewer).terminal).toMatchObject({ status: "cancelled" });
    await engine.expect(200, "POST", `/tasks/${first.task_id}/cancel`);
  });

  test("an answer that has ended stays as it is", async () => {
    const posted = await engine.ask(wish({ tokens: 3, pace_ms: 0 }));
    await readToEnd(engine.url, posted.task_id);
    const reply = await engine.call("POST", `/tasks/${posted.task_id}/cancel`);
    expect(reply).toMatchObject({ status: 200, body: { state: "succeeded" } });
  });

  test("a task that waits for its next try is cancelled and keeps the text of the try before", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 30, pace_ms: 5, cut_after_tokens: 20, rst: true, fail_times: 0 }));
    await until("a failure", async () => (await engine.task(posted.task_id)).failures > 0);
    const reply = await engine.call("POST", `/tasks/${posted.task_id}/cancel`);
    expect(reply).toMatchObject({ status: 200, body: { state: "cancelled" } });
    const seen = await readToEnd(engine.url, posted.task_id);
    const message = await engine.message(posted.conversation_id, posted.message_id);
    expect(message.content).toBe(seen.content);
    expect(message.content.length).toBeGreaterThan(0);
  });
});

describe("a conversation", () => {
  test("answers one message at a time, in order, with what was said before", async () => {
    const conversation = await engine.conversation({ system_prompt: "Be brief." });
    const keys = [freshKey(), freshKey(), freshKey()];
    const posted = [];
    for (const key of keys) posted.push(await engine.post(conversation.id, wish({ key, tokens: 20, pace_ms: 5 })));
    const seen = await Promise.all(posted.map((one) => readToEnd(engine.url, one.task_id)));
    const requests = await Promise.all(keys.map((key) => model.last(key)));
    expect(requests[0]!.messages.map((line) => line.role)).toEqual(["system", "user"]);
    expect(requests[2]!.messages.map((line) => line.role)).toEqual([
      "system", "user", "assistant", "user", "assistant", "user",
    ]);
    expect(requests[2]!.messages[2]!.content).toBe(seen[0]!.content);
    expect(requests[2]!.messages[4]!.content).toBe(seen[1]!.content);
  });

  test("regenerate gives a new answer beside the old one", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, tokens: 10, pace_ms: 0 }));
    await readToEnd(engine.url, posted.task_id);
    const again = await engine.expect(202, "POST", `/messages/${posted.message_id}/regenerate`, {});
    expect(again.message_id).not.toBe(posted.message_id);
    expect(again.user_message_id).toBe(posted.user_message_id);
    await readToEnd(engine.url, again.task_id);
    const one = await engine.message(posted.conversation_id, posted.message_id);
    const two = await engine.message(posted.conversation_id, again.message_id);
    expect(one.parent_id).toBe(two.parent_id);
    expect(two.status).toBe("completed");
    // The context ends with the question: the old answer is not part of it.
    expect((await model.last(key)).messages.map((line) => line.role)).toEqual(["user"]);
  });

  test("edit makes another branch with an answer of its own", async () => {
    const conversation = await engine.conversation();
    const first = await engine.post(conversation.id, "first question");
    await readToEnd(engine.url, first.task_id);
    const second = await engine.post(conversation.id, "second question");
    await readToEnd(engine.url, second.task_id);
    const key = freshKey();
    const edited = await engine.expect(202, "POST", `/messages/${second.user_message_id}/edit`, {
      content: wish({ key, tokens: 3 }),
    });
    await readToEnd(engine.url, edited.task_id);
    expect((await model.last(key)).messages.map((line) => line.content).slice(0, 1)).toEqual(["first question"]);
    expect((await model.last(key)).messages.length).toBe(3);
    const page = await engine.expect(200, "GET", `/conversations/${conversation.id}/messages`);
    expect(page.data.length).toBe(6);
  });

  test("retry regenerates what failed, and only that", async () => {
    const key = freshKey();
    const posted = await engine.ask(wish({ key, status: 400 }));
    const seen = await readToEnd(engine.url, posted.task_id);
    expect(seen.terminal).toMatchObject({ chunk_type: "error", code: "provider_refused", retryable: false });
    const retried = await engine.expect(202, "POST", `/tasks/${posted.task_id}/retry`, {});
    expect(retried.task_id).not.toBe(posted.task_id);
    await readToEnd(engine.url, retried.task_id);
    expect((await model.requests(key)).length).toBe(2);
    const good = await engine.ask(wish({ tokens: 1 }));
    await readToEnd(engine.url, good.task_id);
    const reply = await engine.call("POST", `/tasks/${good.task_id}/retry`, {});
    expect(reply).toMatchObject({ status: 409, body: { code: "conflict" } });
  });
});

describe("the same key twice", () => {
  test("starts one answer and gives one reply, also at once", async () => {
    const conversation = await engine.conversation();
    const key = freshKey();
    const body = { content: wish({ key, tokens: 3 }) };
    const headers = { "Idempotency-Key": freshKey() };
    const path = `/conversations/${conversation.id}/messages`;
    const replies = await Promise.all(Array.from({ length: 10 }, () => engine.call("POST", path, body, headers)));
    for (const reply of replies) expect(reply).toMatchObject({ status: 202, body: replies[0]!.body });
    await readToEnd(engine.url, replies[0]!.body.task_id);
    expect(await engine.call("POST", path, body, headers)).toMatchObject({ status: 202, body: replies[0]!.body });
    expect((await model.requests(key)).length).toBe(1);
    const other = await engine.call("POST", path, { content: "something else" }, headers);
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency_key_reused" } });
  });
});
