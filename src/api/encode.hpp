// Records as JSON, exactly as docs/protocol.md has them. Pure. Every function appends to a string,
// so that pages and events are built without copies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provider/catalog.hpp"
#include "store/conversations.hpp"
#include "store/operations.hpp"
#include "store/records.hpp"
#include "store/submissions.hpp"

namespace throughline::api {

/// How far the chunks of a task have come.
struct task_progress {
  std::string position;          // of the last chunk; empty: there is none
  std::int64_t chunk_count = 0;  // of the attempt that can be read
};

/// A task beside its progress.
struct task_view {
  store::task row;
  task_progress progress;
};

/// `queued running succeeded failed cancelled`, or `cancelling` while a requested end has not
/// happened yet.
[[nodiscard]] std::string_view shown_state(const store::task& row);

/// A deleted row is `{id, deleted:true}`.
void append_conversation(std::string& out, const store::conversation& row);
void append_message(std::string& out, const store::message& row);
void append_task(std::string& out, const task_view& view);
/// One line of /active-streams; with `session_id` beside `conversation_id` in the vocabulary of
/// /chat.
void append_active_stream(std::string& out, const task_view& view, bool with_session);
void append_model(std::string& out, const provider::listed_model& model);

// --- for operators -------------------------------------------------------------------------------

/// `alive`, `draining` or `lost`.
[[nodiscard]] std::string_view shown_state(const store::worker_record& row);
void append_worker(std::string& out, const store::worker_record& row);
void append_queue(std::string& out, const store::queue_record& row);
/// A task in a list: what its owner sees but for its chunks, whose it is, and who runs it.
void append_operator_task(std::string& out, const store::operator_task& row);
[[nodiscard]] std::string encode(const store::worker_record& row);
[[nodiscard]] std::string encode(const store::queue_record& row);
[[nodiscard]] std::string encode(const store::page<store::worker_record>& page);
[[nodiscard]] std::string encode(const store::page<store::operator_task>& page);
[[nodiscard]] std::string encode(const std::vector<store::queue_record>& all);
[[nodiscard]] std::string encode(const store::task_history& whole);
[[nodiscard]] std::string encode(const store::statistics& counted);

/// The members `conversations`, `messages` and `tasks`, in an object; with `rev` and `more` too if
/// `as_page`. `tasks` are the rows of `changed.tasks` with their progress.
void append_changes(std::string& out, const store::changes& changed,
                    const std::vector<task_view>& tasks, bool as_page);

[[nodiscard]] std::string encode(const store::conversation& row);
[[nodiscard]] std::string encode(const store::message& row);
[[nodiscard]] std::string encode(const task_view& view);
[[nodiscard]] std::string encode(const store::page<store::conversation>& page);
[[nodiscard]] std::string encode(const store::page<store::message>& page);

/// The answers to a post: in the words of /conversations, and in those of /chat.
[[nodiscard]] std::string encode_submission(const store::submission& accepted);
[[nodiscard]] std::string encode_chat_submission(const store::submission& accepted);

/// One answer as /chat/status sees it.
struct chat_status {
  store::message row;
  std::string content;  // what there is of it by now
  std::int64_t chunk_count = 0;
};
[[nodiscard]] std::string encode(const chat_status& status);

}  // namespace throughline::api
