#include "store/submissions.hpp"

#include <memory>
#include <utility>

#include "base/clock.hpp"
#include "base/fault_point.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_queue.hpp"
#include "store/statements_submissions.hpp"
#include "store/text.hpp"
#include "store/transaction_steps.hpp"

namespace throughline::store {
namespace {

/// A guess: one of the answers that are written has then ended.
constexpr std::chrono::seconds patience_with_open_tasks{5};

/// The room that a worker of this process keeps for a task, given back if it is not used.
class kept_room {
 public:
  /// nullptr: there is no such worker.
  explicit kept_room(task_taker* taker) : taker_(taker) {}
  ~kept_room() { give_back(); }
  kept_room(const kept_room&) = delete;
  kept_room& operator=(const kept_room&) = delete;

  /// In place of the room that is kept, if it is for another task than this.
  [[nodiscard]] std::optional<worker_id> reserve(const std::string& queue,
                                                 const std::string& provider) {
    if (taker_ == nullptr) return std::nullopt;
    if (!room_ || queue_ != queue || room_->provider != provider) {
      give_back();
      room_ = taker_->reserve(queue, provider);
      queue_ = queue;
    }
    return room_ ? std::optional(room_->worker) : std::nullopt;
  }
  /// REQUIRES that there is room.
  void use(claimed_task task) {
    auto room = *std::exchange(room_, std::nullopt);
    taker_->start(std::move(task), std::move(room));
  }
  void give_back() noexcept {
    if (auto unused = std::exchange(room_, std::nullopt)) taker_->give_back(*std::move(unused));
  }

 private:
  task_taker* taker_;
  std::string queue_;
  std::optional<task_taker::room> room_;
};

/// What one call wants, with the ids it will use however often its transaction runs.
struct plan {
  enum class kind : std::uint8_t { post, edit, regenerate, retry };
  plan(kind is_wanted, queue_limits kept, provider_finder finder, task_taker* local)
      : what(is_wanted), limits(kept), find_provider(std::move(finder)), room(local) {}

  kind what;
  owner_id owner;
  std::optional<conversation_id> in;
  std::optional<message_id> parent;
  message_id of;    // of edit and regenerate
  task_id of_task;  // of retry
  std::string content;
  submit_options options;
  queue_limits limits;
  provider_finder find_provider;

  task_id task = task_id::generate();
  message_id answer = message_id::generate();
  message_id question = message_id::generate();
  conversation_id fresh = conversation_id::generate();
  int runs = 0;  // a transaction that runs again may have been committed the first time

  kept_room room;                     // from the first run that came so far
  std::optional<claimed_task> begun;  // the taker holds it, once this is committed
};

/// Where the new turn hangs.
struct place {
  conversation_id conversation;
  std::int64_t last_seq = 0;
  std::optional<message_id> parent;    // of the question, if one is written
  std::optional<message_id> question;  // set: it is there already
  std::optional<message_id> newest;    // of the conversation
  std::optional<std::string> model;    // of the conversation
  std::optional<std::string> system_prompt;
};

submission started(const plan& want, conversation_id conversation, message_id question) {
  return submission{want.task, want.answer, question, conversation, false};
}

/// What this key, or the same transaction before, has started already.
aio::awaitable<result<std::optional<submission>>> find_earlier(sql::transaction& in,
                                                               std::shared_ptr<plan> want) {
  if (want->options.once) {
    const auto& once = *want->options.once;
    sql::parameters key{want->owner, once.key, once.request_hash, want->task, want->answer,
                        nullptr,     nullptr};
    if (want->what == plan::kind::post) {  // otherwise it is complete once the place is found
      key[5] = want->question;
      key[6] = want->in.value_or(want->fresh);
    }
    const auto taken = co_await in.execute(statements::take_key.text, std::move(key));
    if (!taken.empty()) co_return std::optional<submission>();
    const auto kept =
        co_await in.execute(statements::read_key.text, sql::parameters{want->owner, once.key});
    if (kept.empty()) co_return fail(errc::overloaded, "the Idempotency-Key is just expiring");
    const auto& row = kept[0];
    if (row[0].text() != once.request_hash) {
      co_return fail(errc::idempotency_key_reused,
                     "this Idempotency-Key was used for another request");
    }
    submission earlier{row[1].id<task_id>(), row[2].id<message_id>(), row[3].id<message_id>(),
                       row[4].id<conversation_id>(), true};
    earlier.replayed = earlier.task != want->task;
    co_return std::optional<submission>(earlier);
  }
  if (want->runs > 1) {
    const auto found =
        co_await in.execute(statements::read_submission.text, sql::parameters{want->task});
    if (!found.empty()) {
      const auto conversation = found[0][2].id<conversation_id>();
      const auto question = found[0][1].id<message_id>();
      co_return std::optional<submission>(started(*want, conversation, question));
    }
  }
  co_return std::optional<submission>();
}

/// The place at the end of a conversation.
aio::awaitable<result<place>> take_seq(sql::transaction& in, std::shared_ptr<plan> want,
                                       conversation_id conversation, std::int64_t rev,
                                       std::int64_t turns) {
  const auto title = want->what == plan::kind::post ? title_of(want->content) : std::string();
  const auto taken = co_await in.execute(
      statements::take_seq.text, sql::parameters{conversation, want->owner, rev, turns, title});
  if (taken.empty()) co_return fail(errc::not_found, "no such conversation");
  place at;
  at.conversation = conversation;
  at.last_seq = taken[0][0].integer();
  at.model = taken[0][1].maybe_text();
  at.system_prompt = taken[0][2].maybe_text();
  at.newest = taken[0][3].maybe_id<message_id>();
  co_return at;
}

aio::awaitable<result<place>> place_of_post(sql::transaction& in, std::shared_ptr<plan> want,
                                            std::int64_t rev) {
  place at;
  if (!want->in) {
    if (want->parent) co_return fail(errc::unprocessable, "parent_id without a conversation");
    at.conversation = want->fresh;
    at.last_seq = 2;
    at.system_prompt = want->options.system_prompt;
    co_await in.execute_with_next(
        statements::insert_conversation.text,
        sql::parameters{want->fresh, want->owner, rev, title_of(want->content), want->options.model,
                        at.system_prompt, at.last_seq});
    co_return at;
  }
  auto taken = co_await take_seq(in, want, *want->in, rev, 2);
  if (!taken) co_return taken.error();
  at = *std::move(taken);
  if (!want->parent) {
    at.parent = at.newest;
    co_return at;
  }
  const auto found =
      co_await in.execute(statements::read_place.text, sql::parameters{*want->parent, want->owner});
  if (found.empty() || found[0][0].id<conversation_id>() != at.conversation ||
      parse_role(found[0][2].text()) == role::user) {
    co_return fail(errc::unprocessable, "parent_id is not an answer of this conversation");
  }
  at.parent = want->parent;
  co_return at;
}

/// For edit (a new question beside the old one) and regenerate (the question of the old answer).
aio::awaitable<result<place>> place_beside(sql::transaction& in, std::shared_ptr<plan> want,
                                           message_id of, std::int64_t rev) {
  const bool is_edit = want->what == plan::kind::edit;
  const auto found =
      co_await in.execute(statements::read_place.text, sql::parameters{of, want->owner});
  if (found.empty()) co_return fail(errc::not_found, "no such message");
  const auto& row = found[0];
  const auto from = parse_role(row[2].text());
  if (from != (is_edit ? role::user : role::assistant) || (!is_edit && row[1].is_null())) {
    co_return fail(errc::unprocessable, is_edit ? "only a user message can be edited"
                                                : "only an answer can be regenerated");
  }
  const auto conversation = row[0].id<conversation_id>();
  auto at = co_await take_seq(in, want, conversation, rev, is_edit ? 2 : 1);
  if (!at) co_return at.error();
  if (is_edit) {
    at->parent = row[1].maybe_id<message_id>();
  } else {
    at->question = row[1].id<message_id>();
  }
  co_return at;
}

aio::awaitable<result<place>> place_of_retry(sql::transaction& in, std::shared_ptr<plan> want,
                                             std::int64_t rev) {
  const auto found = co_await in.execute(statements::read_answer_of.text,
                                         sql::parameters{want->of_task, want->owner});
  if (found.empty()) co_return fail(errc::not_found, "no such task");
  const auto& row = found[0];
  const auto status = parse_message_status(row[1].text());
  if (status != message_status::error && status != message_status::cancelled) {
    co_return fail(errc::conflict, "only a failed or cancelled answer can be tried again");
  }
  if (!want->options.model) want->options.model = row[2].maybe_text();
  if (!row[3].is_null()) {
    want->options.queue = row[3].text();
    want->options.priority = row[4].integer();
  }
  const auto of = row[0].id<message_id>();
  auto at = co_await place_beside(in, want, of, rev);
  co_return at;
}

aio::awaitable<result<place>> find_place(sql::transaction& in, std::shared_ptr<plan> want,
                                         std::int64_t rev) {
  if (want->what == plan::kind::post) {
    auto at = co_await place_of_post(in, want, rev);
    co_return at;
  }
  if (want->what == plan::kind::retry) {
    auto at = co_await place_of_retry(in, want, rev);
    co_return at;
  }
  auto at = co_await place_beside(in, want, want->of, rev);
  co_return at;
}

/// A task which the taker begins, as it would have been claimed.
claimed_task begun_at(const plan& want, const place& at, worker_id taker, std::string provider) {
  claimed_task task;
  task.held = {want.task, 1, taker};
  task.owner = want.owner;
  task.conversation = at.conversation;
  task.message = want.answer;
  task.model = want.options.model ? want.options.model : at.model;
  task.provider = std::move(provider);
  task.failures_max = want.limits.failures_max;
  task.created_at = system_clock().wall_now();
  if (!at.parent && !at.question) {
    auto& lines = task.context.emplace();
    if (at.system_prompt && !at.system_prompt->empty()) {
      lines.push_back({role::system, *at.system_prompt});
    }
    lines.push_back({role::user, want.content});
  }
  return task;
}

aio::awaitable<message_id> insert_messages(sql::transaction& in, std::shared_ptr<plan> want,
                                           place at, std::int64_t rev) {
  const auto& model = want->options.model;
  if (at.question) {
    sql::parameters answer{want->answer, at.conversation, want->owner, *at.question, at.last_seq,
                           rev,          want->task,      model};
    co_await in.execute_with_next(statements::insert_answer.text, std::move(answer));
    co_return *at.question;
  }
  sql::parameters turn{want->question, want->answer, at.conversation, want->owner, at.parent,
                       at.last_seq,    rev,          want->content,   want->task,  model};
  co_await in.execute_with_next(statements::insert_turn.text, std::move(turn));
  co_return want->question;
}

/// A task which the taker begins is noted in `begun`.
aio::awaitable<result<void>> insert_task(sql::transaction& in, std::shared_ptr<plan> want, place at,
                                         std::int64_t rev) {
  const auto& options = want->options;
  const auto& limits = want->limits;
  const auto provider = want->find_provider(options.model ? options.model : at.model);
  const auto taker = want->room.reserve(options.queue, provider);
  sql::parameters job{want->task,
                      want->owner,
                      at.conversation,
                      want->answer,
                      at.last_seq,
                      rev,
                      options.queue,
                      options.priority,
                      options.model,
                      to_unix_ms(options.run_at),
                      limits.failures_max,
                      taker,
                      limits.running_per_owner_max,
                      limits.open_per_owner_max,
                      provider};
  const auto inserted = co_await in.execute(statements::insert_task.text, std::move(job));
  if (inserted.empty()) {
    co_return fail(
        errc::too_many_requests,
        "there are " + std::to_string(limits.open_per_owner_max) + " answers to be written already",
        patience_with_open_tasks);
  }
  if (parse_task_state(inserted[0][0].text()) == task_state::running) {
    want->begun = begun_at(*want, at, *taker, provider);
  }
  co_return result<void>();
}

/// An earlier run of this transaction was committed, or another one with the same key: only the
/// first has begun the task that this one knows of.
aio::awaitable<> forget_begun_unless_held(sql::transaction& in, std::shared_ptr<plan> want) {
  if (!want->begun) co_return;
  const auto& held = want->begun->held;
  const auto now = co_await read_fence(in, held.task);
  if (!now || now->state != task_state::running || !now->names(held)) want->begun.reset();
}

aio::awaitable<result<submission>> run(sql::transaction& in, std::shared_ptr<plan> want) {
  ++want->runs;
  const auto earlier = co_await find_earlier(in, want);
  if (!earlier) co_return earlier.error();
  if (*earlier) {
    co_await forget_begun_unless_held(in, want);
    co_return **earlier;
  }
  want->begun.reset();
  const auto rev = co_await lock_owner(in, want->owner);
  const auto at = co_await find_place(in, want, rev);
  if (!at) co_return at.error();
  const auto question = co_await insert_messages(in, want, *at, rev);
  const auto inserted = co_await insert_task(in, want, *at, rev);
  if (!inserted) co_return inserted.error();
  if (want->options.once && want->what != plan::kind::post) {
    sql::parameters key{want->owner, want->options.once->key, question, at->conversation};
    co_await in.execute_with_next(statements::complete_key.text, std::move(key));
  }
  fault_point("submit.before_commit");
  co_return started(*want, at->conversation, question);
}

aio::awaitable<result<submission>> commit(sql::database& database, signals& bells,
                                          std::shared_ptr<plan> want) {
  const auto body = [want](sql::transaction& in) {
    return run(in, want);
  };
  auto done = co_await database.write<submission>(body, want->owner);
  fault_point("submit.after_commit");
  if (done && !done->replayed) {
    const bool is_begun = want->begun.has_value();
    if (is_begun) want->room.use(*std::move(want->begun));
    bells.owner_changed(want->owner);
    if (!is_begun) bells.queue_changed();
  }
  want->room.give_back();
  co_return done;
}

}  // namespace

aio::awaitable<result<submission>> submissions::post(owner_id owner,
                                                     std::optional<conversation_id> in,
                                                     std::string content,
                                                     std::optional<message_id> parent,
                                                     submit_options options) {
  auto want = std::make_shared<plan>(plan::kind::post, limits_, find_provider_, local_);
  want->owner = std::move(owner);
  want->options = std::move(options);
  want->in = in;
  want->parent = parent;
  want->content = storable(std::move(content));
  auto& prompt = want->options.system_prompt;
  if (prompt) prompt = storable(*std::move(prompt));
  auto done = co_await commit(database_, bells_, want);
  co_return done;
}

aio::awaitable<result<submission>> submissions::edit(owner_id owner, message_id of,
                                                     std::string content, submit_options options) {
  auto want = std::make_shared<plan>(plan::kind::edit, limits_, find_provider_, local_);
  want->owner = std::move(owner);
  want->options = std::move(options);
  want->of = of;
  want->content = storable(std::move(content));
  auto done = co_await commit(database_, bells_, want);
  co_return done;
}

aio::awaitable<result<submission>> submissions::regenerate(owner_id owner, message_id of,
                                                           submit_options options) {
  auto want = std::make_shared<plan>(plan::kind::regenerate, limits_, find_provider_, local_);
  want->owner = std::move(owner);
  want->options = std::move(options);
  want->of = of;
  auto done = co_await commit(database_, bells_, want);
  co_return done;
}

aio::awaitable<result<submission>> submissions::retry(owner_id owner, task_id of,
                                                      submit_options options) {
  auto want = std::make_shared<plan>(plan::kind::retry, limits_, find_provider_, local_);
  want->owner = std::move(owner);
  want->options = std::move(options);
  want->of_task = of;
  auto done = co_await commit(database_, bells_, want);
  co_return done;
}

}  // namespace throughline::store
