#include "api/encode.hpp"

#include "api/encode_parts.hpp"
#include "api/json_writer.hpp"

namespace throughline::api {
namespace {

void append_usage(std::string& out, const std::optional<store::token_usage>& usage) {
  if (!usage) {
    out += "null";
    return;
  }
  object_writer object(out);
  object.integer("input_tokens", usage->input_tokens);
  object.integer("output_tokens", usage->output_tokens);
  object.integer("total_tokens", usage->input_tokens + usage->output_tokens);
  object.boolean("estimated", usage->estimated);
}

void append_deleted(std::string& out, const uuid& id) {
  object_writer object(out);
  object.id("id", id);
  object.boolean("deleted", true);
}

}  // namespace

std::string_view shown_state(const store::task& row) {
  if (row.cancel_requested && !store::is_terminal(row.state)) return "cancelling";
  return store::public_state(row.state);
}

void append_conversation(std::string& out, const store::conversation& row) {
  if (row.deleted) return append_deleted(out, row.id);
  object_writer object(out);
  object.id("id", row.id);
  object.text("title", row.title);
  object.text("model", row.model);
  object.text("system_prompt", row.system_prompt);
  object.boolean("pinned", row.pinned);
  object.time("created_at", row.created_at);
  object.time("updated_at", row.updated_at);
  object.integer("message_count", row.message_count);
  append_array(object.name("active_task_ids"), row.active_task_ids,
               [](std::string& to, const task_id& id) { append_json_string(to, id.to_string()); });
  object.integer("rev", row.rev);
  if (row.snippet) object.text("snippet", row.snippet);
}

void append_message(std::string& out, const store::message& row) {
  if (row.deleted) return append_deleted(out, row.id);
  object_writer object(out);
  object.id("id", row.id);
  object.id("conversation_id", row.conversation);
  object.id("parent_id", row.parent);
  object.integer("seq", row.seq);
  object.integer("rev", row.rev);
  object.text("role", store::to_string(row.from));
  object.text("content", row.content);
  object.text("reasoning", row.reasoning);
  object.text("status", store::to_string(row.status));
  object.id("task_id", row.task);
  object.text("model", row.model);
  object.text("provider", row.provider);
  object.integer("attempt", row.attempt);
  object.text("finish_reason", row.finish_reason);
  append_usage(object.name("usage"), row.usage);
  object.integer("ttft_ms", row.ttft_ms);
  object.integer("latency_ms", row.latency_ms);
  append_failure(object.name("error"), row.failure);
  object.time("created_at", row.created_at);
  object.time("completed_at", row.completed_at);
}

void append_task(std::string& out, const task_view& view) {
  const auto& row = view.row;
  object_writer object(out);
  object.id("task_id", row.id);
  object.id("message_id", row.message);
  object.id("conversation_id", row.conversation);
  object.text("state", shown_state(row));
  object.text("status", store::to_string(row.status));
  object.integer("attempt", static_cast<std::int64_t>(row.attempt));
  object.integer("failures", row.failures);
  object.text("queue", row.queue);
  object.integer("priority", row.priority);
  object.integer("queue_place", row.queue_place);
  object.text("position", view.progress.position);
  object.integer("chunk_count", view.progress.chunk_count);
  object.time("created_at", row.created_at);
  object.time("started_at", row.started_at);
  object.time("finished_at", row.finished_at);
  append_failure(object.name("last_error"), row.last_error);
}

void append_active_stream(std::string& out, const task_view& view, bool with_session) {
  const auto& row = view.row;
  object_writer object(out);
  object.id("task_id", row.id);
  object.id("message_id", row.message);
  object.id("conversation_id", row.conversation);
  if (with_session) object.id("session_id", row.conversation);
  object.text("status", store::to_string(row.status));
  object.text("position", view.progress.position);
  object.time("started_at", row.started_at);
}

void append_model(std::string& out, const provider::listed_model& model) {
  object_writer object(out);
  object.text("id", model.id);
  object.text("provider", model.provider);
  object.boolean("default", model.is_default);
}

void append_changes(std::string& out, const store::changes& changed,
                    const std::vector<task_view>& tasks, bool as_page) {
  object_writer object(out);
  append_array(object.name("conversations"), changed.conversations, append_conversation);
  append_array(object.name("messages"), changed.messages, append_message);
  append_array(object.name("tasks"), tasks, append_task);
  if (!as_page) return;
  object.integer("rev", changed.rev);
  object.boolean("more", changed.more);
}

std::string encode(const store::conversation& row) {
  return encode_one(row, append_conversation);
}
std::string encode(const store::message& row) {
  return encode_one(row, append_message);
}
std::string encode(const task_view& view) {
  return encode_one(view, append_task);
}

std::string encode(const store::page<store::conversation>& page) {
  return encode_page(page, append_conversation);
}
std::string encode(const store::page<store::message>& page) {
  return encode_page(page, append_message);
}

std::string encode_submission(const store::submission& accepted) {
  return encode_object([&](object_writer& object) {
    object.id("task_id", accepted.task);
    object.id("message_id", accepted.message);
    object.id("user_message_id", accepted.user_message);
    object.text("status", "processing");
    object.text("stream_url", "/stream/" + accepted.task.to_string());
  });
}

std::string encode_chat_submission(const store::submission& accepted) {
  return encode_object([&](object_writer& object) {
    object.id("message_id", accepted.message);
    object.id("session_id", accepted.conversation);
    object.id("task_id", accepted.task);
    object.text("status", "queued");
    object.text("stream_url", "/chat/stream/" + accepted.conversation.to_string() +
                                  "?message_id=" + accepted.message.to_string());
  });
}

std::string encode(const chat_status& status) {
  return encode_object([&](object_writer& object) {
    object.text("status", store::to_string(status.row.status));
    object.text("content", status.content);
    object.integer("chunk_count", status.chunk_count);
    object.id("task_id", status.row.task);
    append_failure(object.name("error"), status.row.failure);
  });
}

}  // namespace throughline::api
