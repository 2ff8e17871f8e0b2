// A chat in a few lines: the store keeps everything in agreement with the engine, and what you write is sent once, however often
// the connection breaks.
//
//   node example/chat.js http://127.0.0.1:8080
//
// An engine that wants an access token gets it from THROUGHLINE_TOKEN.
import { createThroughline } from "@throughline/client";

const client = createThroughline({
  baseUrl: process.argv[2] ?? "http://127.0.0.1:8080",
  token: process.env.THROUGHLINE_TOKEN,
});
client.start();

/** Resolves when `isSo` says so of a value; asks each time that it changes. */
function until(readable, isSo) {
  return new Promise((resolve) => {
    const look = () => {
      if (!isSo(readable.get())) return;
      end();
      resolve(readable.get());
    };
    const end = readable.subscribe(look);
    look();
  });
}

// Shown at once, sent when there is a connection: nothing here waits for the engine.
const { conversationId } = client.begin({ content: "Write a paragraph about the sea." });
const conversation = client.conversation(conversationId);
const close = conversation.open();

const { thread } = await until(conversation, (view) => view.thread.length === 2);
const [questionKey, answerKey] = thread;
console.log(`asked: ${conversation.message(questionKey).get().content}`);

const answer = await until(conversation.message(answerKey), (message) => message?.live === false);
console.log(`answered: ${answer.status}, ${answer.content.length} characters`);
console.log(`listed: ${client.conversations.get().items.some((each) => each.id === conversation.get().id)}`);

close();
await client.stop();
