// What operators see, as JSON.
#include <array>

#include "api/encode.hpp"
#include "api/encode_parts.hpp"
#include "api/json_writer.hpp"

namespace throughline::api {
namespace {

void append_name(std::string& out, const std::string& name) {
  append_json_string(out, name);
}

void append_open(std::string& out, const std::array<std::int64_t, 5>& counted) {
  object_writer object(out);
  for (std::size_t i = 0; i < counted.size(); ++i) {
    object.integer(store::to_string(static_cast<store::task_state>(i)), counted[i]);
  }
}

void append_ended(std::string& out, const store::ended_counts& counted) {
  object_writer object(out);
  object.integer("minute", counted.minute);
  object.integer("hour", counted.hour);
  object.integer("day", counted.day);
}

void append_limits(std::string& out, const std::vector<store::provider_room>& limits) {
  out += '{';
  for (const auto& [provider, most] : limits) {
    if (out.back() != '{') out += ',';
    append_json_string(out, provider);  // a name of the configuration
    out += ':' + std::to_string(most);
  }
  out += '}';
}

void append_attempt(std::string& out, const store::attempt_record& row) {
  object_writer object(out);
  object.integer("attempt", static_cast<std::int64_t>(row.attempt));
  object.id("worker_id", row.worker);
  object.time("started_at", row.started_at);
  object.time("finished_at", row.finished_at);
  append_failure(object.name("error"), row.failure);
}

void write_task(object_writer& object, const store::operator_task& of) {
  const auto& row = of.row;
  object.id("task_id", row.id);
  object.id("message_id", row.message);
  object.id("conversation_id", row.conversation);
  object.text("owner", row.owner);
  object.text("state", shown_state(row));
  object.text("queue_state", store::to_string(row.state));
  object.text("queue", row.queue);
  object.integer("priority", row.priority);
  object.text("model", of.model);
  object.text("provider", of.provider);
  object.integer("attempt", static_cast<std::int64_t>(row.attempt));
  object.integer("failures", row.failures);
  object.integer("failures_max", row.failures_max);
  object.id("worker_id", of.worker);
  object.time("created_at", row.created_at);
  object.time("started_at", row.started_at);
  object.time("attempt_started_at", of.attempt_started_at);
  object.time("due_at", row.run_at);
  object.time("finished_at", row.finished_at);
  append_failure(object.name("last_error"), row.last_error);
}

}  // namespace

std::string_view shown_state(const store::worker_record& row) {
  if (!row.is_alive) return "lost";
  return row.is_draining ? "draining" : "alive";
}

void append_worker(std::string& out, const store::worker_record& row) {
  object_writer object(out);
  object.id("id", row.id);
  object.text("state", shown_state(row));
  object.text("host", row.host);
  object.integer("process_id", row.process);
  object.text("version", row.version);
  if (row.queues) {
    append_array(object.name("queues"), *row.queues, append_name);
  } else {
    object.null("queues");
  }
  object.integer("concurrency", row.concurrency);
  object.integer("running", row.running);
  append_limits(object.name("provider_limits"), row.limits);
  object.time("started_at", row.started_at);
  object.time("last_heartbeat_at", row.renewed_at);
  object.time("lease_until", row.expires_at);
}

void append_queue(std::string& out, const store::queue_record& row) {
  object_writer object(out);
  object.text("name", row.name);
  object.boolean("paused", row.is_paused);
  object.integer("workers", row.workers);
  append_open(object.name("tasks"), row.tasks);
  std::optional<std::int64_t> oldest;
  if (row.oldest) oldest = row.oldest->count();
  object.integer("oldest_ms", oldest);
}

void append_operator_task(std::string& out, const store::operator_task& row) {
  object_writer object(out);
  write_task(object, row);
}

std::string encode(const store::worker_record& row) {
  return encode_one(row, append_worker);
}
std::string encode(const store::queue_record& row) {
  return encode_one(row, append_queue);
}
std::string encode(const store::page<store::worker_record>& page) {
  return encode_page(page, append_worker);
}
std::string encode(const store::page<store::operator_task>& page) {
  return encode_page(page, append_operator_task);
}

std::string encode(const std::vector<store::queue_record>& all) {
  return encode_object(
      [&](object_writer& object) { append_array(object.name("data"), all, append_queue); });
}

std::string encode(const store::task_history& whole) {
  return encode_object([&](object_writer& object) {
    write_task(object, whole.now);
    append_array(object.name("attempts"), whole.attempts, append_attempt);
  });
}

std::string encode(const store::statistics& counted) {
  std::array<std::int64_t, 5> open{};
  std::int64_t unserved = 0;
  for (const auto& queue : counted.queues) {
    for (std::size_t i = 0; i < open.size(); ++i) {
      open[i] += queue.tasks[i];
      if (queue.workers == 0) unserved += queue.tasks[i];
    }
  }
  return encode_object([&](object_writer& object) {
    {
      object_writer tasks(object.name("tasks"));
      append_open(tasks.name("open"), open);
      tasks.integer("unserved", unserved);
      append_ended(tasks.name("succeeded"), counted.succeeded);
      append_ended(tasks.name("failed"), counted.failed);
      append_ended(tasks.name("cancelled"), counted.cancelled);
      tasks.boolean("complete", counted.is_complete);
    }
    object_writer workers(object.name("workers"));
    workers.integer("alive", counted.workers_alive);
    workers.integer("draining", counted.workers_draining);
    workers.integer("concurrency", counted.concurrency);
    workers.integer("running", counted.running);
  });
}

}  // namespace throughline::api
