// Asks a question, follows the answer, loses the connection in the middle, goes on where it was, and stops a second answer.
//
//   node example/follow.js http://127.0.0.1:8080
//
// An engine that wants an access token gets it from THROUGHLINE_TOKEN.
import { Api, applyChunk, createFeed, formatPosition, initialStream } from "@throughline/client";

const api = new Api({
  baseUrl: process.argv[2] ?? "http://127.0.0.1:8080",
  token: process.env.THROUGHLINE_TOKEN,
});

/** The value of a call, or the end of the program with the words of the problem. */
function expectOk(reply) {
  if (reply.ok) return reply.value;
  console.error(`${reply.problem.code}: ${reply.problem.detail}`);
  process.exit(1);
}

// --- Connect ------------------------------------------------------------------------------------------------------------------

const { principal, version } = expectOk(await api.me());
console.log(`connected to Throughline ${version} as ${principal}`);

// Everything a reader needs to come back: the text and its position, of each answer; and the rev of all the rest.
const streams = new Map();
let rev = expectOk(await api.changes(Number.MAX_SAFE_INTEGER)).rev;
const streamOf = (taskId) => streams.get(taskId) ?? initialStream;

/** Resolves when `isEnough` says so of the answer. Closes the connection then. */
function follow(taskId, isEnough) {
  return new Promise((resolve) => {
    const look = () => {
      if (!isEnough(streamOf(taskId))) return;
      feed.stop();
      resolve(streamOf(taskId));
    };
    const feed = createFeed(
      {
        start: () => ({
          since: rev,
          cursors: new Map(
            [...streams]
              .filter(([, stream]) => stream.position !== null && stream.ended === null)
              .map(([id, stream]) => [id, stream.position]),
          ),
        }),
        onEvent: (event) => {
          if (event.kind === "changes") rev = event.rev;
          if (event.kind !== "chunk") return;
          const id = event.event.task_id;
          streams.set(id, applyChunk(streamOf(id), event.event, event.connection).state);
          if (id === taskId) look();
        },
        onStatus: () => {},
      },
      { api },
    );
    feed.start();
  });
}

// --- Post, and follow until there is some text -----------------------------------------------------------------------------------

const question = { content: "Write a few paragraphs about the sea." };
const first = expectOk(await api.begin(question, crypto.randomUUID()));
const cut = await follow(first.task_id, (stream) => stream.content.length > 40);
console.log(`cut at ${formatPosition(cut.position)} after ${cut.content.length} characters`);

// --- Resume: the rest comes, and nothing twice -----------------------------------------------------------------------------------

const whole = await follow(first.task_id, (stream) => stream.ended !== null);
const isContinued = whole.voids === cut.voids && whole.content.startsWith(cut.content);
console.log(
  `resumed: ${isContinued ? "went on where it was" : "began again"}, ${whole.content.length} characters`,
);

const { data } = expectOk(await api.messages(first.session_id, { order: "desc" }));
const kept = data.find((message) => message.id === first.message_id);
console.log(`the engine has ${kept?.content === whole.content ? "the same text" : "ANOTHER TEXT"}`);

// --- Stop ------------------------------------------------------------------------------------------------------------------------

const second = expectOk(await api.post(first.session_id, question, crypto.randomUUID()));
await follow(second.task_id, (stream) => stream.content !== "");
expectOk(await api.cancel(second.task_id));
const stopped = await follow(second.task_id, (stream) => stream.ended !== null);
console.log(
  `stopped: ${stopped.ended.status ?? stopped.ended.code}, ${stopped.content.length} characters kept`,
);
