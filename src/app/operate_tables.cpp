#include "app/operate_tables.hpp"

#include <fmt/format.h>

#include <functional>

#include "app/answer_reader.hpp"
#include "app/chat_http.hpp"
#include "app/text_table.hpp"

namespace throughline::app {
namespace {

constexpr std::string_view nothing = "-";

const json::object& member(const json::object& of, std::string_view name) {
  static const json::object none;
  const auto* const found = of.if_contains(name);
  return found != nullptr && found->is_object() ? found->get_object() : none;
}

std::vector<json::object> rows_of(const json::object& of, std::string_view name = "data") {
  std::vector<json::object> out;
  const auto* const found = of.if_contains(name);
  if (found == nullptr || !found->is_array()) return out;
  for (const auto& one : found->get_array()) {
    if (one.is_object()) out.push_back(one.get_object());
  }
  return out;
}

/// A number or a text as it is; `-` if there is none.
std::string cell(const json::object& of, std::string_view name) {
  const auto* const found = of.if_contains(name);
  if (found != nullptr && found->is_int64()) return std::to_string(found->get_int64());
  auto text = text_member(of, name);
  return text.empty() ? std::string(nothing) : text;
}

bool is_true(const json::object& of, std::string_view name) {
  const auto* const found = of.if_contains(name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

/// How long ago it was, by the clock of this machine.
std::string age(const json::object& of, std::string_view name) {
  const auto time = parse_rfc3339(text_member(of, name));
  return time ? format_span(system_clock().wall_now() - *time) : std::string(nothing);
}

std::string until(const json::object& of, std::string_view name) {
  const auto time = parse_rfc3339(text_member(of, name));
  return time ? format_span(*time - system_clock().wall_now()) : std::string(nothing);
}

std::string span_of_ms(const json::object& of, std::string_view name) {
  const auto* const found = of.if_contains(name);
  return found != nullptr && found->is_int64() ? format_span(milliseconds(found->get_int64()))
                                               : std::string(nothing);
}

std::string names(const json::object& of, std::string_view name) {
  const auto* const found = of.if_contains(name);
  if (found == nullptr || !found->is_array()) return "?";
  std::string out;
  for (const auto& one : found->get_array()) {
    if (!one.is_string()) continue;
    if (!out.empty()) out += ',';
    out += std::string_view(one.get_string().data(), one.get_string().size());
  }
  return out;
}

/// `openai=8,anthropic=4`
std::string limits(const json::object& of, std::string_view name) {
  std::string out;
  for (const auto& one : member(of, name)) {
    if (!one.value().is_int64()) continue;
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", std::string_view(one.key()),
                       one.value().get_int64());
  }
  return out.empty() ? std::string(nothing) : out;
}

using row_maker = std::function<table_row(const json::object&)>;

std::string table(const json::object& reply, std::size_t width, const table_row& head,
                  std::string_view if_none, const row_maker& make) {
  std::vector<table_row> rows;
  for (const auto& one : rows_of(reply)) rows.push_back(make(one));
  return rows.empty() ? fmt::format("{}\n", if_none) : format_table(head, rows, width);
}

std::string attempts_of(const json::object& task) {
  return fmt::format("{} ({} failed)", cell(task, "attempt"), cell(task, "failures"));
}

}  // namespace

std::string show_workers(const json::object& reply, std::size_t width) {
  return table(
      reply, width,
      {"WORKER", "STATE", "RUNNING", "LIMITS", "QUEUES", "STARTED", "HOST", "PROCESS", "VERSION"},
      "no worker", [](const json::object& one) {
        return table_row{cell(one, "id"),
                         cell(one, "state"),
                         cell(one, "running") + "/" + cell(one, "concurrency"),
                         limits(one, "provider_limits"),
                         names(one, "queues"),
                         age(one, "started_at") + " ago",
                         cell(one, "host"),
                         cell(one, "process_id"),
                         cell(one, "version")};
      });
}

std::string show_queues(const json::object& reply, std::size_t width) {
  return table(
      reply, width,
      {"QUEUE", "STATE", "WORKERS", "READY", "WAITING", "DELAYED", "BLOCKED", "RUNNING", "OLDEST"},
      "no queue", [](const json::object& one) {
        const auto& tasks = member(one, "tasks");
        return table_row{cell(one, "name"),           is_true(one, "paused") ? "paused" : "open",
                         cell(one, "workers"),        cell(tasks, "ready"),
                         cell(tasks, "waiting"),      cell(tasks, "delayed"),
                         cell(tasks, "blocked"),      cell(tasks, "running"),
                         span_of_ms(one, "oldest_ms")};
      });
}

std::string show_stats(const json::object& reply, std::size_t width) {
  const auto& tasks = member(reply, "tasks");
  const auto& open = member(tasks, "open");
  const auto& workers = member(reply, "workers");
  std::vector<table_row> ended;
  for (const auto* state : {"succeeded", "failed", "cancelled"}) {
    const auto& counted = member(tasks, state);
    ended.push_back({state, cell(counted, "minute"), cell(counted, "hour"), cell(counted, "day")});
  }
  std::string out = format_table({"ENDED IN THE LAST", "MINUTE", "HOUR", "DAY"}, ended, width);
  if (!is_true(tasks, "complete")) out += "(of the newest 100000 tasks)\n";
  out += "\n";
  out += format_table({"OPEN", "READY", "WAITING", "DELAYED", "BLOCKED", "RUNNING", "UNSERVED"},
                      {{"tasks", cell(open, "ready"), cell(open, "waiting"), cell(open, "delayed"),
                        cell(open, "blocked"), cell(open, "running"), cell(tasks, "unserved")}},
                      width);
  out += "\n";
  out += format_table({"WORKERS", "ALIVE", "DRAINING", "RUNNING"},
                      {{"all", cell(workers, "alive"), cell(workers, "draining"),
                        cell(workers, "running") + "/" + cell(workers, "concurrency")}},
                      width);
  return out;
}

std::string show_active(const json::object& reply, std::size_t width) {
  return table(reply, width, {"TASK", "RUNS", "QUEUE", "ATTEMPT", "STATE", "MODEL", "WORKER"},
               "no task runs", [](const json::object& one) {
                 return table_row{cell(one, "task_id"),  age(one, "attempt_started_at"),
                                  cell(one, "queue"),    cell(one, "attempt"),
                                  cell(one, "state"),    cell(one, "model"),
                                  cell(one, "worker_id")};
               });
}

std::string show_scheduled(const json::object& reply, std::size_t width) {
  return table(reply, width, {"TASK", "DUE IN", "QUEUE", "ATTEMPT", "WHY"}, "no task is scheduled",
               [](const json::object& one) {
                 const auto code = text_member(member(one, "last_error"), "code");
                 return table_row{cell(one, "task_id"), until(one, "due_at"), cell(one, "queue"),
                                  cell(one, "attempt"),
                                  code.empty() ? "posted for later" : "again after " + code};
               });
}

std::string show_failed(const json::object& reply, std::size_t width) {
  return table(reply, width, {"TASK", "ENDED", "QUEUE", "ATTEMPT", "ERROR", "MESSAGE"},
               "no task has failed", [](const json::object& one) {
                 const auto& failure = member(one, "last_error");
                 return table_row{cell(one, "task_id"),  age(one, "finished_at") + " ago",
                                  cell(one, "queue"),    cell(one, "attempt"),
                                  cell(failure, "code"), cell(failure, "message")};
               });
}

std::string show_task(const json::object& reply, std::size_t width) {
  std::vector<table_row> lines;
  for (const auto* name : {"task_id", "state", "queue", "queue_state", "priority", "owner",
                           "conversation_id", "message_id", "model", "provider", "worker_id",
                           "created_at", "started_at", "due_at", "finished_at"}) {
    auto value = cell(reply, name);
    if (value != nothing) lines.push_back({name, std::move(value)});
  }
  lines.push_back({"attempts", attempts_of(reply)});
  const auto& failure = member(reply, "last_error");
  if (!failure.empty())
    lines.push_back({"last_error", cell(failure, "code") + ": " + cell(failure, "message")});
  const auto head = lines.front();
  lines.erase(lines.begin());
  std::string out = format_table(head, lines, width);
  std::vector<table_row> attempts;
  for (const auto& one : rows_of(reply, "attempts")) {
    const auto& why = member(one, "error");
    attempts.push_back({cell(one, "attempt"), cell(one, "started_at"), cell(one, "finished_at"),
                        cell(one, "worker_id"), cell(why, "code"), cell(why, "message")});
  }
  if (attempts.empty()) return out;
  return out + "\n" +
         format_table({"ATTEMPT", "STARTED", "ENDED", "WORKER", "ERROR", "MESSAGE"}, attempts,
                      width);
}

std::string show_cancelled(const json::object& reply, std::size_t) {
  return fmt::format("task {}: {}\n", cell(reply, "task_id"), cell(reply, "state"));
}

std::string show_retried(const json::object& reply, std::size_t) {
  return fmt::format("tried again as task {}\n", cell(reply, "task_id"));
}

std::string show_paused(const json::object& reply, std::size_t) {
  const auto& tasks = member(reply, "tasks");
  return is_true(reply, "paused")
             ? fmt::format("queue {} is paused; {} ready, {} running to their end\n",
                           cell(reply, "name"), cell(tasks, "ready"), cell(tasks, "running"))
             : fmt::format("queue {} goes on; {} ready\n", cell(reply, "name"),
                           cell(tasks, "ready"));
}

std::string show_drained(const json::object& reply, std::size_t) {
  return fmt::format("worker {}: {}; {} running to their end\n", cell(reply, "id"),
                     cell(reply, "state"), cell(reply, "running"));
}

}  // namespace throughline::app
