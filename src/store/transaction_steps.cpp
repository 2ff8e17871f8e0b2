#include "store/transaction_steps.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "store/row_mapping.hpp"
#include "store/statements_queue.hpp"
#include "store/statements_reading.hpp"
#include "store/statements_workers.hpp"
#include "store/text.hpp"

namespace throughline::store {

aio::awaitable<std::int64_t> lock_owner(sql::transaction& in, owner_id owner) {
  const auto locked =
      co_await in.execute(statements::lock_owner.text, sql::parameters{std::move(owner)});
  co_return locked[0][0].integer();
}

aio::awaitable<std::optional<locked_owner>> lock_owner_of(sql::transaction& in, task_holder held) {
  const auto locked =
      co_await in.execute(statements::lock_owner_of.text,
                          sql::parameters{held.task, std::int64_t{held.attempt}, held.worker});
  if (locked.empty()) co_return std::nullopt;
  co_return locked_owner{locked[0][1].text(), locked[0][0].integer()};
}

aio::awaitable<> admit(sql::transaction& in, owner_id owner, std::string queue, std::int64_t cap,
                       std::int64_t rev) {
  if (cap == 0) co_return;
  co_await in.execute_with_next(statements::admit.text,
                                sql::parameters{std::move(owner), std::move(queue), cap, rev});
}

aio::awaitable<std::optional<fence>> read_fence(sql::transaction& in, task_id task) {
  const auto found = co_await in.execute(statements::read_fence.text, sql::parameters{task});
  if (found.empty()) co_return std::nullopt;
  const auto& row = found[0];
  fence out;
  out.owner = row[0].text();
  out.state = parse_task_state(row[1].text());
  out.attempt = static_cast<std::uint32_t>(row[2].integer());
  out.worker = row[3].maybe_id<worker_id>();
  out.cancel_requested = row[4].integer() != 0;
  out.queue = row[5].text();
  out.conversation = row[6].id<conversation_id>();
  out.message = row[7].id<message_id>();
  co_return out;
}

aio::awaitable<> keep_attempt(sql::transaction& in, task_id task,
                              std::optional<answer_error> failure) {
  sql::parameters values{task, nullptr, nullptr, nullptr};
  if (failure) {
    values[1] = failure->code;
    values[2] = storable(failure->message);
    values[3] = failure->retryable;
  }
  co_await in.execute_with_next(statements::keep_attempt.text, std::move(values));
}

namespace {

/// True: there is saved text.
aio::awaitable<bool> end_message(sql::transaction& in, message_id message, std::uint32_t attempt,
                                 ending how, std::int64_t rev) {
  sql::parameters values{message,
                         to_string(status_of_ended(how.state)),
                         storable(std::move(how.content)),
                         storable(std::move(how.reasoning)),
                         how.model,
                         how.provider,
                         attempt,
                         how.finish_reason,
                         nullptr,
                         nullptr,
                         nullptr,
                         how.ttft_ms,
                         how.latency_ms,
                         nullptr,
                         nullptr,
                         nullptr,
                         how.terminal_index,
                         how.terminal_type,
                         storable(std::move(how.terminal_content)),
                         how.terminal_fields,
                         rev};
  if (how.usage) {
    values[8] = how.usage->input_tokens;
    values[9] = how.usage->output_tokens;
    values[10] = how.usage->estimated;
  }
  if (how.failure) {
    values[13] = how.failure->code;
    values[14] = storable(how.failure->message);
    values[15] = how.failure->retryable;
  }
  const auto ended = co_await in.execute(statements::end_message.text, std::move(values));
  co_return !ended.empty() && ended[0][0].integer() != 0;
}

/// Lets the next task of a conversation go on; returns its queue if there is one.
aio::awaitable<std::optional<std::string>> unblock(sql::transaction& in,
                                                   std::optional<task_id> next, std::int64_t cap,
                                                   std::int64_t rev) {
  if (!next) co_return std::nullopt;
  const auto unblocked =
      co_await in.execute(statements::unblock.text, sql::parameters{*next, rev, cap});
  if (unblocked.empty()) co_return std::nullopt;
  co_return unblocked[0][0].text();
}

}  // namespace

ended_task to_ended(task_id task, std::uint32_t attempt, owner_id owner, const sql::row& row) {
  ended_task out;
  out.task = task;
  out.attempt = attempt;
  out.owner = std::move(owner);
  out.queue = row[0].text();
  out.conversation = row[1].id<conversation_id>();
  out.message = row[2].id<message_id>();
  out.next = row[3].maybe_id<task_id>();
  out.others_wait = row[4].integer() != 0;
  return out;
}

aio::awaitable<bool> write_ending(sql::transaction& in, ended_task which, ending how,
                                  std::int64_t cap, std::int64_t rev) {
  const auto next = co_await unblock(in, which.next, cap, rev);
  if (which.others_wait || next == which.queue) {
    co_await admit(in, which.owner, which.queue, cap, rev);
  }
  if (next && *next != which.queue) co_await admit(in, which.owner, *next, cap, rev);
  const bool has_text = co_await end_message(in, which.message, which.attempt, std::move(how), rev);
  if (has_text) {
    co_await in.execute_with_next(statements::delete_partials.text, sql::parameters{which.task});
  }
  co_await in.execute_with_next(statements::touch_conversation.text,
                                sql::parameters{which.conversation, rev});
  co_return next.has_value() || cap > 0;
}

aio::awaitable<std::vector<attempt_record>> read_attempts_of(sql::transaction& in, task_id task) {
  const auto found = co_await in.execute(statements::attempts_of.text, sql::parameters{task});
  std::vector<attempt_record> out;
  for (const auto& row : found) {
    attempt_record one;
    one.attempt = static_cast<std::uint32_t>(row[0].integer());
    one.worker = row[1].id<worker_id>();
    one.started_at = from_unix_ms(row[2].integer());
    if (!row[3].is_null()) one.finished_at = from_unix_ms(row[3].integer());
    one.failure = to_answer_error(row, 4);
    out.push_back(std::move(one));
  }
  co_return out;
}

aio::awaitable<saved_text> read_saved(sql::transaction& in, task_id task) {
  const auto pieces = co_await in.execute(statements::read_saved.text, sql::parameters{task});
  saved_text out;
  for (const auto& row : pieces) {
    out.attempt = static_cast<std::uint32_t>(row[0].integer());
    out.content += row[1].text();
    out.reasoning += row[2].text();
  }
  co_return out;
}

aio::awaitable<std::vector<task_id>> insert_partials(sql::transaction& in,
                                                     std::vector<partial_text> grown) {
  boost::json::array pieces;
  for (auto& piece : grown) {
    boost::json::object one;
    one["t"] = piece.held.task.to_string();
    one["a"] = piece.held.attempt;
    one["w"] = piece.held.worker.to_string();
    one["f"] = piece.from_index;
    one["c"] = storable(std::move(piece.content));
    one["r"] = storable(std::move(piece.reasoning));
    pieces.emplace_back(std::move(one));
  }
  const auto saved = co_await in.execute(
      statements::save_partials.text, sql::parameters{std::string(boost::json::serialize(pieces))});
  std::vector<task_id> out;
  out.reserve(saved.size());
  for (const auto& row : saved) out.push_back(row[0].id<task_id>());
  co_return out;
}

}  // namespace throughline::store
