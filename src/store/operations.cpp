#include "store/operations.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "base/clock.hpp"
#include "store/cursor.hpp"
#include "store/living_workers.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_changes.hpp"
#include "store/statements_operations.hpp"
#include "store/transaction_steps.hpp"

namespace throughline::store {
namespace {

constexpr std::int64_t page_max = 200;
constexpr std::size_t queues_max = 1000;
constexpr std::int64_t tasks_looked_at = 100'000;
// What ends within a day was made within two, but for what waits for very long.
constexpr milliseconds made_within{2LL * 24 * 3600 * 1000};

worker_record to_worker(const sql::row& row) {
  worker_record out;
  out.id = row[0].id<worker_id>();
  out.host = row[1].text();
  out.process = row[2].integer();
  out.version = row[3].text();
  out.queues = parse_json_names(row[4]);
  out.concurrency = row[5].integer();
  out.running = row[6].integer();
  if (row[7].integer() != 0) out.started_at = from_unix_ms(row[7].integer());
  out.renewed_at = from_unix_ms(row[8].integer());
  out.expires_at = from_unix_ms(row[9].integer());
  out.is_alive = row[10].integer() != 0;
  out.is_draining = row[11].integer() != 0;
  out.limits = parse_json_limits(row[12]);
  return out;
}

/// STORE_OPERATOR_TASKS.
operator_task to_operator_task(const sql::row& row) {
  operator_task out;
  out.row = to_task(row);
  out.model = row[22].maybe_text();
  if (!row[23].is_null()) out.attempt_started_at = from_unix_ms(row[23].integer());
  out.worker = row[24].maybe_id<worker_id>();
  if (!row[25].text().empty()) out.provider = row[25].text();
  return out;
}

/// One row more than a page has tells whether there is another page.
template <class Row, class Map, class Place>
page<Row> to_page(const sql::rows& found, std::int64_t limit, Map map, Place place_of) {
  page<Row> out;
  const auto most = static_cast<std::size_t>(limit);
  for (std::size_t i = 0; i < std::min(found.size(), most); ++i) out.data.push_back(map(found[i]));
  if (found.size() > most) out.next_cursor = to_cursor(place_of(out.data.back()));
  return out;
}

aio::awaitable<result<page<worker_record>>> list_workers(sql::transaction& in, std::int64_t limit,
                                                         std::optional<numbered_place> after) {
  // Any id is less than this.
  const auto before = after ? after->id.to_string() : std::string("~");
  const auto found = co_await in.execute(statements::list_workers.text,
                                         sql::parameters{before, std::int64_t{limit + 1}});
  co_return to_page<worker_record>(found, limit, to_worker, [](const worker_record& last) {
    return numbered_place{0, last.id};
  });
}

/// What the three lists of tasks differ in.
struct task_list {
  std::string_view text;
  std::int64_t begin = 0;  // the number before the first page
  std::int64_t (*number)(const operator_task& of);
};

std::int64_t ms_of(std::optional<wall_time> time) {
  return time ? to_unix_ms(*time) : 0;
}

constexpr task_list running_list{statements::running_tasks.text, 0, [](const operator_task& of) {
                                   return ms_of(of.attempt_started_at);
                                 }};
constexpr task_list delayed_list{statements::delayed_tasks.text, 0, [](const operator_task& of) {
                                   return ms_of(of.row.run_at);
                                 }};
constexpr task_list failed_list{statements::failed_tasks.text,
                                std::numeric_limits<std::int64_t>::max(),
                                [](const operator_task& of) {
                                  return ms_of(of.row.finished_at);
                                }};

aio::awaitable<result<page<operator_task>>> list_tasks(sql::transaction& in, task_list list,
                                                       std::int64_t limit,
                                                       std::optional<numbered_place> after) {
  sql::parameters values{after ? after->number : list.begin, after ? after->id.to_string() : "",
                         std::int64_t{limit + 1}};
  const auto found = co_await in.execute(list.text, std::move(values));
  co_return to_page<operator_task>(found, limit, to_operator_task, [list](const auto& last) {
    return numbered_place{list.number(last), last.row.id};
  });
}

bool could_be_claimed(task_state state) {
  return state == task_state::waiting || state == task_state::ready;
}

aio::awaitable<std::vector<queue_record>> read_queues(sql::transaction& in,
                                                      std::vector<std::string> configured) {
  std::map<std::string, queue_record> by_name;
  const auto named = [&](const std::string& name) -> queue_record& {
    auto& found = by_name[name];
    found.name = name;
    return found;
  };
  const auto counted = co_await in.execute(statements::census.text);
  for (const auto& row : counted) {
    const auto state = parse_task_state(row[1].text());
    auto& queue = named(row[0].text());
    queue.tasks[static_cast<std::size_t>(state)] = row[2].integer();
    const milliseconds oldest(row[3].integer());
    if (could_be_claimed(state)) queue.oldest = std::max(queue.oldest.value_or(oldest), oldest);
  }
  const auto most = std::int64_t{queues_max};
  const auto known = co_await in.execute(statements::known_queues.text, sql::parameters{most});
  for (const auto& row : known) named(row[0].text()).is_paused = row[1].integer() != 0;
  for (const auto& name : configured) named(name);
  const auto workers = co_await read_living_workers(in);
  for (const auto& worker : workers) {
    if (!worker.queues) continue;
    for (const auto& name : *worker.queues) named(name);
  }
  std::vector<queue_record> out;
  for (auto& [name, queue] : by_name) {
    if (out.size() == queues_max) break;
    queue.workers = count_serving(workers, name);
    out.push_back(std::move(queue));
  }
  co_return out;
}

aio::awaitable<result<std::vector<queue_record>>> list_queues(sql::transaction& in,
                                                              std::vector<std::string> configured) {
  auto all = co_await read_queues(in, std::move(configured));
  co_return all;
}

aio::awaitable<result<task_history>> read_history(sql::transaction& in, task_id id) {
  task_history out;
  const auto found = co_await in.execute(statements::any_task.text, sql::parameters{id});
  if (!found.empty()) {
    out.now = to_operator_task(found[0]);
  } else {
    const auto left = co_await in.execute(statements::any_cleaned_task.text, sql::parameters{id});
    if (left.empty()) co_return fail(errc::not_found, "no such task");
    out.now.row = to_cleaned_task(left[0]);
    out.now.model = left[0][12].maybe_text();
  }
  out.attempts = co_await read_attempts_of(in, id);
  co_return out;
}

aio::awaitable<result<owner_id>> find_owner(sql::transaction& in, task_id id) {
  const auto found = co_await in.execute(statements::owner_of_task.text, sql::parameters{id});
  if (found.empty()) co_return fail(errc::not_found, "no such task");
  co_return found[0][0].text();
}

void add_endings(statistics& to, const sql::row& row) {
  const ended_counts counted{row[2].integer(), row[3].integer(), row[4].integer()};
  const auto state = parse_task_state(row[0].text());
  if (state == task_state::succeeded) to.succeeded = counted;
  if (state == task_state::failed) to.failed = counted;
  if (state == task_state::cancelled) to.cancelled = counted;
}

aio::awaitable<result<statistics>> read_statistics(sql::transaction& in,
                                                   std::vector<std::string> configured) {
  statistics out;
  const auto since = first_id_of(system_clock().wall_now() - made_within);
  const auto ended =
      co_await in.execute(statements::newest_endings.text, sql::parameters{since, tasks_looked_at});
  std::int64_t looked_at = 0;
  for (const auto& row : ended) {
    looked_at += row[1].integer();
    add_endings(out, row);
  }
  out.is_complete = looked_at < tasks_looked_at;
  out.queues = co_await read_queues(in, std::move(configured));
  const auto most = std::int64_t{queues_max};
  const auto workers =
      co_await in.execute(statements::list_workers.text, sql::parameters{"~", most});
  for (const auto& row : workers) {
    const auto one = to_worker(row);
    if (!one.is_alive) continue;
    ++out.workers_alive;
    out.workers_draining += one.is_draining ? 1 : 0;
    out.concurrency += one.concurrency;
    out.running += one.running;
  }
  co_return out;
}

aio::awaitable<result<service_state>> read_service(sql::transaction& in) {
  const auto workers = co_await read_living_workers(in);
  const auto most = std::int64_t{queues_max};
  const auto next = co_await in.execute(statements::next_in_queues.text, sql::parameters{most});
  service_state out;
  out.workers = static_cast<std::int64_t>(workers.size());
  for (const auto& row : next) {
    if (count_serving(workers, row[0].text()) > 0) continue;
    out.gaps.push_back({row[0].text(), milliseconds(row[1].integer())});
  }
  co_return out;
}

aio::awaitable<result<queue_record>> write_paused(sql::transaction& in, std::string queue,
                                                  bool paused,
                                                  std::vector<std::string> configured) {
  auto all = co_await read_queues(in, std::move(configured));
  const auto found = std::ranges::find(all, queue, &queue_record::name);
  if (found == all.end()) co_return fail(errc::not_found, "There is no queue \"" + queue + "\"");
  co_await in.execute(statements::set_paused.text, sql::parameters{queue, paused});
  found->is_paused = paused;
  co_return std::move(*found);
}

aio::awaitable<result<worker_record>> write_drain(sql::transaction& in, worker_id worker) {
  const auto found = co_await in.execute(statements::drain_worker.text, sql::parameters{worker});
  if (found.empty()) co_return fail(errc::not_found, "no such worker");
  const auto row = co_await in.execute(statements::get_worker.text, sql::parameters{worker});
  co_return to_worker(row[0]);
}

aio::awaitable<result<uuid>> read_installation(sql::transaction& in) {
  const auto found = co_await in.execute(statements::installation.text, sql::parameters{});
  co_return found[0][0].id<uuid>();
}

result<std::optional<numbered_place>> place_after(const std::optional<std::string>& cursor) {
  if (!cursor) return std::optional<numbered_place>();
  const auto parsed = parse_numbered_cursor(*cursor);
  if (!parsed) return fail(errc::invalid_request, "cursor was not given out by this call");
  return parsed;
}

aio::awaitable<result<page<operator_task>>> page_of_tasks(sql::database& database, task_list list,
                                                          std::int64_t limit,
                                                          std::optional<std::string> cursor) {
  const auto after = place_after(cursor);
  if (!after) co_return after.error();
  const auto body = [list, limit = std::clamp<std::int64_t>(limit, 1, page_max),
                     after = *after](sql::transaction& in) {
    return list_tasks(in, list, limit, after);
  };
  auto done = co_await database.read<page<operator_task>>(body);
  co_return done;
}

}  // namespace

aio::awaitable<result<page<worker_record>>> operations::workers(std::int64_t limit,
                                                                std::optional<std::string> cursor) {
  const auto after = place_after(cursor);
  if (!after) co_return after.error();
  const auto body = [limit = std::clamp<std::int64_t>(limit, 1, page_max),
                     after = *after](sql::transaction& in) {
    return list_workers(in, limit, after);
  };
  auto done = co_await database_.read<page<worker_record>>(body);
  co_return done;
}

aio::awaitable<result<page<operator_task>>> operations::running(std::int64_t limit,
                                                                std::optional<std::string> cursor) {
  return page_of_tasks(database_, running_list, limit, std::move(cursor));
}
aio::awaitable<result<page<operator_task>>> operations::delayed(std::int64_t limit,
                                                                std::optional<std::string> cursor) {
  return page_of_tasks(database_, delayed_list, limit, std::move(cursor));
}
aio::awaitable<result<page<operator_task>>> operations::failed(std::int64_t limit,
                                                               std::optional<std::string> cursor) {
  return page_of_tasks(database_, failed_list, limit, std::move(cursor));
}

aio::awaitable<result<std::vector<queue_record>>> operations::queues(
    std::vector<std::string> configured) {
  return database_.read<std::vector<queue_record>>(
      [configured](sql::transaction& in) { return list_queues(in, configured); });
}

aio::awaitable<result<task_history>> operations::task_of(task_id id) {
  return database_.read<task_history>([id](sql::transaction& in) { return read_history(in, id); });
}

aio::awaitable<result<owner_id>> operations::owner_of(task_id id) {
  return database_.read<owner_id>([id](sql::transaction& in) { return find_owner(in, id); });
}

aio::awaitable<result<statistics>> operations::count(std::vector<std::string> configured) {
  return database_.read<statistics>(
      [configured](sql::transaction& in) { return read_statistics(in, configured); });
}

aio::awaitable<result<uuid>> operations::installation() {
  return database_.read<uuid>(read_installation);
}

aio::awaitable<result<service_state>> operations::service() {
  return database_.read<service_state>([](sql::transaction& in) { return read_service(in); });
}

aio::awaitable<result<queue_record>> operations::set_paused(std::string queue, bool paused,
                                                            std::vector<std::string> configured) {
  const auto body = [queue, paused, configured](sql::transaction& in) {
    return write_paused(in, queue, paused, configured);
  };
  auto done = co_await database_.write<queue_record>(body);
  if (done && !paused) bells_.queue_changed();
  co_return done;
}

aio::awaitable<result<worker_record>> operations::drain(worker_id worker) {
  return database_.write<worker_record>(
      [worker](sql::transaction& in) { return write_drain(in, worker); });
}

}  // namespace throughline::store
