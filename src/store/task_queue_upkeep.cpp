// Cleaning, and the check of what must always hold.
#include "base/clock.hpp"
#include "store/living_workers.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_changes.hpp"
#include "store/task_queue.hpp"

namespace throughline::store {
namespace {

// A worker that has not renewed its lease for an hour is not coming back; were it to, it would be
// told that the lease was lost.
constexpr std::int64_t worker_retention_ms = 3'600'000;

aio::awaitable<> delete_traces(sql::transaction& in, std::string tasks) {
  co_await in.execute(statements::clean_attempts.text, sql::parameters{tasks});
  co_await in.execute(statements::clean_partials.text, sql::parameters{tasks});
}

aio::awaitable<result<task_queue::cleaned>> clean_old(sql::transaction& in,
                                                      task_queue::cleaning how) {
  task_queue::cleaned out;
  const std::int64_t task_age = how.task_retention.count();
  const auto before = first_id_of(system_clock().wall_now() - how.task_retention);
  sql::parameters old{task_age, how.batch, before};
  const auto tasks = co_await in.execute(statements::clean_tasks.text, std::move(old));
  if (!tasks.empty()) {
    std::vector<task_id> ids;
    for (const auto& row : tasks) ids.push_back(row[0].id<task_id>());
    co_await delete_traces(in, to_json_ids(ids));
  }
  const std::int64_t key_age = how.key_retention.count();
  const auto keys =
      co_await in.execute(statements::clean_keys.text, sql::parameters{key_age, how.batch});
  co_await in.execute(statements::clean_workers.text, sql::parameters{worker_retention_ms});
  out.tasks = static_cast<std::int64_t>(tasks.size());
  out.keys = keys.changed;
  out.more = out.tasks >= how.batch || out.keys >= how.batch;
  co_return out;
}

aio::awaitable<result<task_queue::cleaned>> purge(sql::transaction& in, task_queue::cleaning how) {
  task_queue::cleaned out;
  const std::int64_t age = how.purge_after.count();
  co_await in.execute(statements::begin_purge.text, sql::parameters{age, how.batch});
  const auto messages =
      co_await in.execute(statements::purge_messages.text, sql::parameters{how.batch});
  for (const auto& row : messages) {
    if (const auto task = row[0].maybe_id<task_id>()) out.purged_tasks.push_back(*task);
  }
  if (!out.purged_tasks.empty()) {
    const auto tasks = to_json_ids(out.purged_tasks);
    co_await in.execute(statements::purge_tasks.text, sql::parameters{tasks});
    co_await delete_traces(in, tasks);
  }
  const auto emptied = co_await in.execute(statements::end_purge.text, sql::parameters{how.batch});
  out.conversations = static_cast<std::int64_t>(emptied.size());
  out.more =
      static_cast<std::int64_t>(messages.size()) >= how.batch || out.conversations >= how.batch;
  co_return out;
}

aio::awaitable<result<std::vector<task_queue::census_line>>> count_open(
    sql::transaction& in, std::optional<worker_id> but_for) {
  auto workers = co_await read_living_workers(in);
  if (but_for) std::erase_if(workers, [&](const auto& one) { return one.id == *but_for; });
  const auto found = co_await in.execute(statements::census.text);
  std::vector<task_queue::census_line> out;
  out.reserve(found.size());
  for (const auto& row : found) {
    out.push_back({row[0].text(), parse_task_state(row[1].text()), row[2].integer(),
                   milliseconds(row[3].integer()), count_serving(workers, row[0].text())});
  }
  co_return out;
}

aio::awaitable<result<std::int64_t>> count_violations(sql::transaction& in, std::int64_t cap) {
  const auto heads = co_await in.execute(statements::check_heads.text);
  const auto slots = co_await in.execute(statements::check_slots.text, sql::parameters{cap});
  const auto waiting = co_await in.execute(statements::check_waiting.text, sql::parameters{cap});
  co_return heads[0][0].integer() + slots[0][0].integer() + waiting[0][0].integer();
}

}  // namespace

aio::awaitable<result<task_queue::cleaned>> task_queue::clean(cleaning how) {
  const auto old = [how](sql::transaction& in) {
    return clean_old(in, how);
  };
  const auto cleaned_old = co_await database_.write<cleaned>(old);
  if (!cleaned_old) co_return cleaned_old.error();
  const auto hidden = [how](sql::transaction& in) {
    return purge(in, how);
  };
  auto out = co_await database_.write<cleaned>(hidden);
  if (!out) co_return out.error();
  out->tasks = cleaned_old->tasks;
  out->keys = cleaned_old->keys;
  out->more = out->more || cleaned_old->more;
  co_return out;
}

aio::awaitable<result<std::vector<task_queue::census_line>>> task_queue::census(
    std::optional<worker_id> but_for) {
  const auto body = [but_for](sql::transaction& in) {
    return count_open(in, but_for);
  };
  auto done = co_await database_.read<std::vector<census_line>>(body);
  co_return done;
}

aio::awaitable<result<std::int64_t>> task_queue::check() {
  const auto body = [cap = limits_.running_per_owner_max](sql::transaction& in) {
    return count_violations(in, cap);
  };
  const auto done = co_await database_.read<std::int64_t>(body);
  co_return done;
}

}  // namespace throughline::store
