// Workers: leases, claiming, and what is done when a worker has died or a task is due.
#include <algorithm>

#include "base/assert.hpp"
#include "store/living_workers.hpp"
#include "store/row_mapping.hpp"
#include "store/statement.hpp"
#include "store/statements_changes.hpp"
#include "store/statements_queue.hpp"
#include "store/statements_workers.hpp"
#include "store/task_queue.hpp"
#include "store/transaction_steps.hpp"

namespace throughline::store {
namespace {

constexpr std::size_t queues_max = 64;
constexpr std::int64_t lanes_max = 256;
constexpr int due_rounds_max = 10;

claimed_task to_claimed(const sql::row& row, worker_id worker) {
  claimed_task out;
  out.held = {row[0].id<task_id>(), static_cast<std::uint32_t>(row[1].integer()), worker};
  out.owner = row[2].text();
  out.conversation = row[3].id<conversation_id>();
  out.message = row[4].id<message_id>();
  out.failures = row[5].integer();
  out.failures_max = row[6].integer();
  out.cancel_requested = row[7].integer() != 0;
  out.created_at = from_unix_ms(row[8].integer());
  out.model = row[11].maybe_text();
  out.last_error_code = row[12].maybe_text();
  out.provider = row[15].text();
  if (row[13].is_null()) return out;
  auto& lines = out.context.emplace();
  if (!row[14].is_null() && !row[14].text().empty()) {
    lines.push_back({role::system, row[14].text()});
  }
  lines.push_back({role::user, row[13].text()});
  return out;
}

/// By priority, then by age since ready: RETURNING promises no order.
bool comes_first(const sql::row& a, const sql::row& b) {
  if (a[9].integer() != b[9].integer()) return a[9].integer() > b[9].integer();
  if (a[10].integer() != b[10].integer()) return a[10].integer() < b[10].integer();
  return a[0].text() < b[0].text();
}

struct wanted {
  worker_id worker;
  std::vector<std::string> queues;
  std::int64_t most = 0;
  std::vector<provider_room> rooms;

  [[nodiscard]] std::int64_t room_of(const std::string& provider) const {
    const auto found = std::ranges::find(rooms, provider, &provider_room::provider);
    return found == rooms.end() ? most : std::min(found->most, most);
  }
};

aio::awaitable<sql::rows> claim_from_queues(sql::transaction& in, wanted what) {
  const auto text = claim_text(what.queues.size());
  sql::parameters values{what.worker, what.most};
  for (auto& queue : what.queues) values.emplace_back(std::move(queue));
  auto claimed = co_await in.execute(text, std::move(values));
  co_return claimed;
}

/// Only those in which something is ready: none of a provider without room is looked at.
aio::awaitable<sql::rows> claim_from_lanes(sql::transaction& in, wanted what) {
  const auto ready = co_await in.execute(statements::ready_lanes.text,
                                         sql::parameters{to_json_ids(what.queues), lanes_max});
  sql::parameters values{what.worker, what.most};
  std::size_t lanes = 0;
  for (const auto& lane : ready) {
    const auto room = what.room_of(lane[1].text());
    if (room <= 0) continue;
    values.insert(values.end(), {lane[0].text(), lane[1].text(), room});
    ++lanes;
  }
  if (lanes == 0) co_return sql::rows();
  const auto text = claim_lanes_text(lanes);
  auto claimed = co_await in.execute(text, std::move(values));
  co_return claimed;
}

aio::awaitable<result<std::vector<claimed_task>>> run_claim(sql::transaction& in, wanted what) {
  auto asked = what.rooms.empty() ? claim_from_queues(in, what) : claim_from_lanes(in, what);
  auto claimed = co_await std::move(asked);
  std::vector<claimed_task> out;
  if (claimed.empty()) co_return out;
  std::sort(claimed.all.begin(), claimed.all.end(), comes_first);
  out.reserve(claimed.size());
  for (const auto& row : claimed) out.push_back(to_claimed(row, what.worker));
  co_return out;
}

aio::awaitable<result<heartbeat_result>> run_heartbeat(sql::transaction& in, worker_id worker,
                                                       milliseconds lease, worker_report about) {
  sql::parameters values{worker,
                         std::int64_t{lease.count()},
                         about.host,
                         about.process,
                         about.version,
                         to_json_names(about.queues),
                         about.concurrency,
                         to_unix_ms(about.started_at),
                         about.running,
                         about.is_draining,
                         to_json_limits(about.limits)};
  const auto renewed = co_await in.execute(statements::renew_lease.text, std::move(values));
  const auto held = co_await in.execute(statements::held_tasks.text, sql::parameters{worker});
  heartbeat_result out;
  out.lease_was_lost = renewed[0][1].integer() <= renewed[0][0].integer();
  out.is_to_drain = renewed[0][2].integer() != 0;
  out.others_are_lost = renewed[0][3].integer() != 0;
  out.held.reserve(held.size());
  for (const auto& row : held) {
    out.held.push_back({row[0].id<task_id>(), static_cast<std::uint32_t>(row[1].integer()),
                        row[2].integer() != 0});
  }
  co_return out;
}

aio::awaitable<result<bool>> read_draining(sql::transaction& in, worker_id worker) {
  const auto found = co_await in.execute(statements::told_to_drain.text, sql::parameters{worker});
  co_return !found.empty() && found[0][0].integer() != 0;
}

aio::awaitable<result<std::int64_t>> run_reap(sql::transaction& in, std::int64_t most) {
  const auto reaped = co_await in.execute(statements::reap.text, sql::parameters{most});
  if (!reaped.empty()) {
    std::vector<task_id> lost;
    for (const auto& row : reaped) lost.push_back(row[0].id<task_id>());
    co_await in.execute(statements::keep_lost_attempts.text, sql::parameters{to_json_ids(lost)});
  }
  co_return static_cast<std::int64_t>(reaped.size());
}

/// The slots as `cap` wants them: it may have been another one when this database was used last.
aio::awaitable<> fit_slots_to(sql::transaction& in, std::int64_t cap) {
  co_await in.execute(statements::recover_capped.text, sql::parameters{cap > 0});
  if (cap == 0) {
    co_await in.execute(statements::recover_uncapped.text);
    co_return;
  }
  co_await in.execute(statements::recover_excess.text, sql::parameters{cap});
  const auto waiting = co_await in.execute(statements::recover_waiting.text);
  for (const auto& row : waiting) {
    const auto rev = co_await lock_owner(in, row[0].text());
    co_await admit(in, row[0].text(), row[1].text(), cap, rev);
  }
}

aio::awaitable<result<std::int64_t>> run_recover(sql::transaction& in, std::int64_t cap) {
  co_await in.execute(statements::recover_attempts.text);
  const auto freed = co_await in.execute(statements::recover_tasks.text);
  co_await in.execute(statements::recover_workers.text);
  co_await fit_slots_to(in, cap);
  co_return static_cast<std::int64_t>(freed.size());
}

/// Looks first: nothing is locked where all is as it should be.
aio::awaitable<result<void>> run_adapt(sql::transaction& in, std::int64_t cap) {
  const auto capped = co_await in.execute(statements::check_capped.text, sql::parameters{cap > 0});
  const auto slots = co_await in.execute(statements::check_slots.text, sql::parameters{cap});
  const auto waiting = co_await in.execute(statements::check_waiting.text, sql::parameters{cap});
  if (capped[0][0].integer() + slots[0][0].integer() + waiting[0][0].integer() == 0) {
    co_return result<void>();
  }
  // In order, so that two processes that start together do not lock each other out.
  const auto owners = co_await in.execute(statements::recover_owners.text);
  for (const auto& row : owners) {
    [[maybe_unused]] const auto rev = co_await lock_owner(in, row[0].text());
  }
  co_await fit_slots_to(in, cap);
  co_return result<void>();
}

aio::awaitable<result<std::vector<owner_id>>> find_due_owners(sql::transaction& in) {
  const auto found = co_await in.execute(statements::due_owners.text);
  std::vector<owner_id> out;
  for (const auto& row : found) out.push_back(row[0].text());
  co_return out;
}

aio::awaitable<result<std::int64_t>> make_due_of(sql::transaction& in, owner_id owner,
                                                 std::int64_t cap) {
  const auto rev = co_await lock_owner(in, owner);
  const auto moved =
      co_await in.execute(statements::make_due_of.text, sql::parameters{owner, rev, cap});
  std::vector<std::string> queues;
  for (const auto& row : moved) queues.push_back(row[0].text());
  std::sort(queues.begin(), queues.end());
  queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
  for (const auto& queue : queues) co_await admit(in, owner, queue, cap, rev);
  co_return static_cast<std::int64_t>(moved.size());
}

struct due_time {
  std::optional<wall_time> at;
  bool is_past = false;
};

aio::awaitable<result<due_time>> find_next_due(sql::transaction& in) {
  const auto found = co_await in.execute(statements::next_due.text);
  due_time out;
  if (!found[0][0].is_null()) out.at = from_unix_ms(found[0][0].integer());
  out.is_past = found[0][1].integer() != 0;
  co_return out;
}

aio::awaitable<result<void>> delete_worker(sql::transaction& in, worker_id worker) {
  const auto gone = co_await in.execute(statements::retire_worker.text, sql::parameters{worker});
  if (gone.changed == 0) {
    co_await in.execute_with_next(statements::expire_worker.text, sql::parameters{worker});
  }
  co_return result<void>();
}

}  // namespace

aio::awaitable<result<std::vector<claimed_task>>> task_queue::claim(
    worker_id worker, std::vector<std::string> queues, std::int64_t most,
    std::vector<provider_room> rooms) {
  std::sort(queues.begin(), queues.end());
  queues.erase(std::unique(queues.begin(), queues.end()), queues.end());
  THROUGHLINE_ASSERT(queues.size() <= queues_max);
  if (queues.empty() || most <= 0) co_return std::vector<claimed_task>();
  const wanted what{worker, std::move(queues), most, std::move(rooms)};
  const auto body = [what](sql::transaction& in) {
    return run_claim(in, what);
  };
  auto done = co_await database_.write<std::vector<claimed_task>>(body);
  co_return done;
}

aio::awaitable<result<heartbeat_result>> task_queue::heartbeat(worker_id worker, milliseconds lease,
                                                               worker_report about) {
  const auto body = [worker, lease, about](sql::transaction& in) {
    return run_heartbeat(in, worker, lease, about);
  };
  auto done = co_await database_.write<heartbeat_result>(body);
  co_return done;
}

aio::awaitable<result<bool>> task_queue::is_to_drain(worker_id worker) {
  const auto body = [worker](sql::transaction& in) {
    return read_draining(in, worker);
  };
  const auto done = co_await database_.read<bool>(body);
  if (!done) co_return done.error();
  co_return *done;
}

aio::awaitable<result<std::int64_t>> task_queue::reap(std::int64_t most) {
  const auto body = [most](sql::transaction& in) {
    return run_reap(in, most);
  };
  const auto done = co_await database_.write<std::int64_t>(body);
  if (done && *done > 0) bells_.queue_changed();
  co_return done;
}

aio::awaitable<result<std::int64_t>> task_queue::recover() {
  const auto body = [cap = limits_.running_per_owner_max](sql::transaction& in) {
    return run_recover(in, cap);
  };
  const auto done = co_await database_.write<std::int64_t>(body);
  if (done) bells_.queue_changed();
  co_return done;
}

aio::awaitable<result<void>> task_queue::adapt() {
  const sql::transaction_body body = [cap = limits_.running_per_owner_max](sql::transaction& in) {
    return run_adapt(in, cap);
  };
  const auto done = co_await database_.write_transaction(body);
  if (done) bells_.queue_changed();
  co_return done;
}

aio::awaitable<result<std::optional<wall_time>>> task_queue::make_due() {
  const auto look = [](sql::transaction& in) {
    return find_next_due(in);
  };
  const auto find = [](sql::transaction& in) {
    return find_due_owners(in);
  };
  for (int round = 0;; ++round) {
    const auto next = co_await database_.read<due_time>(look);
    if (!next) co_return next.error();
    if (!next->is_past || round == due_rounds_max) co_return next->at;
    const auto owners = co_await database_.read<std::vector<owner_id>>(find);
    if (!owners) co_return owners.error();
    for (const auto& owner : *owners) {
      const auto body = [owner, cap = limits_.running_per_owner_max](sql::transaction& in) {
        return make_due_of(in, owner, cap);
      };
      const auto moved = co_await database_.write<std::int64_t>(body, owner);
      if (!moved) co_return moved.error();
      if (*moved == 0) continue;
      bells_.owner_changed(owner);
      bells_.queue_changed();
    }
  }
}

aio::awaitable<result<void>> task_queue::retire(worker_id worker) {
  const sql::transaction_body body = [worker](sql::transaction& in) {
    return delete_worker(in, worker);
  };
  auto done = co_await database_.write_transaction(body);
  co_return done;
}

}  // namespace throughline::store
