// The chunk log in Redis by itself, against a redis-server of its own on this machine: how many
// appends a process makes in a second and how long each takes, for so many answers at once; and how
// long a chunk takes to a follower in another process (here: other connections and loops).
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <vector>

#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "redis/server_fixture.hpp"
#include "stream/chunk_follower.hpp"
#include "stream/redis_chunk_log.hpp"

namespace throughline::stream {
namespace {

using std::chrono::steady_clock;

constexpr std::uint32_t appends_per_run = 40'000;

template <class T>
T await_on(aio::event_loop& loop, aio::awaitable<T> work) {
  return aio::asio::co_spawn(loop.get_executor(), std::move(work), aio::asio::use_future).get();
}

/// What one process has.
struct user {
  explicit user(const redis::server& to)
      : commands(std::vector<aio::event_loop*>{&loops[0]}, to),
        events(loops[0], to, commands.here()),
        log(make_redis_chunk_log(commands, events)) {}
  ~user() {
    await_on(loops[0], log->stop());
    await_on(loops[0], events.stop());
    await_on(loops[0], commands.stop());
  }

  aio::event_loops loops{1, "bench"};
  redis::client commands;
  redis::subscriptions events;
  std::unique_ptr<redis_chunk_log> log;
};

using times = std::vector<double>;  // in microseconds

double quantile(times& of, double which) {
  if (of.empty()) return 0;
  const auto at =
      of.begin() + static_cast<std::ptrdiff_t>(which * static_cast<double>(of.size() - 1));
  std::nth_element(of.begin(), at, of.end());
  return *at;
}

double microseconds_since(steady_clock::time_point when) {
  return std::chrono::duration<double, std::micro>(steady_clock::now() - when).count();
}

aio::awaitable<> write_answer(chunk_log& log, writer by, std::uint32_t appends, times& took) {
  for (std::uint32_t i = 0; i < appends; ++i) {
    std::vector<chunk> chunks(1);
    chunks[0].content = std::to_string(steady_clock::now().time_since_epoch().count());
    const auto began = steady_clock::now();
    const auto got = co_await log.append(by, i, std::move(chunks));
    took.push_back(microseconds_since(began));
    if (!got || got->status != append_status::appended) std::abort();
  }
}

aio::awaitable<> write_answers(aio::task_group& group, chunk_log& log,
                               const std::vector<writer>& writers, std::uint32_t appends,
                               times& took) {
  for (const auto& by : writers) group.spawn("write", write_answer(log, by, appends, took));
  co_await group.join();
}

/// Microseconds of processor time that Redis has used.
double redis_cpu(const redis::server_process& server) {
  const auto info = server.ask({"INFO", "cpu"}).text;
  double sum = 0;
  for (const std::string_view name : {"used_cpu_user:", "used_cpu_sys:"}) {
    sum += std::stod(info.substr(info.find(name) + name.size())) * 1e6;
  }
  return sum;
}

/// And this process.
double own_cpu() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

/// What a chunk costs, on any machine that does other things as well.
class cpu_meter {
 public:
  explicit cpu_meter(const redis::server_process& server)
      : server_(server), redis_(redis_cpu(server)), own_(own_cpu()) {}
  void show(benchmark::State& state, std::size_t chunks) const {
    const auto count = static_cast<double>(chunks);
    state.counters["redis_cpu_us"] = (redis_cpu(server_) - redis_) / count;
    state.counters["own_cpu_us"] = (own_cpu() - own_) / count;
  }

 private:
  const redis::server_process& server_;
  double redis_;
  double own_;
};

std::vector<writer> make_writers(std::int64_t count) {
  std::vector<writer> out;
  for (std::int64_t i = 0; i < count; ++i) {
    out.push_back({task_id::generate(), 1, worker_id::generate()});
  }
  return out;
}

void show(benchmark::State& state, times& took, const std::string& what) {
  state.counters[what + "_p50_us"] = quantile(took, 0.5);
  state.counters[what + "_p99_us"] = quantile(took, 0.99);
}

/// One iteration: as many answers at once as the argument says, a chunk in each append.
void append(benchmark::State& state) {
  const redis::server_process server;
  user worker(server.where());
  times took;
  const cpu_meter cpu(server);
  for (auto _ : state) {
    const auto writers = make_writers(state.range(0));
    const auto appends = appends_per_run / static_cast<std::uint32_t>(writers.size());
    aio::task_group group(worker.loops[0]);
    await_on(worker.loops[0], write_answers(group, *worker.log, writers, appends, took));
  }
  cpu.show(state, took.size());
  state.SetItemsProcessed(static_cast<std::int64_t>(took.size()));
  show(state, took, "append");
}
BENCHMARK(append)->Arg(1)->Arg(16)->Arg(256)->Iterations(3)->UseRealTime();

class never_ending final : public task_endings {
 public:
  aio::awaitable<result<std::optional<position>>> terminal_of(task_id, bool) override {
    co_return std::optional<position>();
  }
  aio::awaitable<result<stored_ending>> ending_of(task_id) override {
    co_return fail(errc::internal, "never");
  }
};

/// When each chunk was made is what it says.
aio::awaitable<> follow(std::shared_ptr<chunk_follower> follower, std::uint32_t length,
                        times& took) {
  std::uint32_t next = 0;
  while (next < length) {
    const auto got = co_await follower->next(std::chrono::seconds(15));
    for (const auto& run : got.runs) {
      auto rest = run.frames;
      while (!rest.empty()) {
        const auto json = take_frame(rest).json;
        const auto at = json.rfind(":\"") + 2;
        const auto made = std::stoll(std::string(json.substr(at)));
        took.push_back(microseconds_since(steady_clock::time_point(steady_clock::duration(made))));
        ++next;
      }
    }
  }
}

/// The same with a follower of each answer in another process; without a pace, so it is a queue.
void append_and_follow(benchmark::State& state) {
  const redis::server_process server;
  user worker(server.where());
  user api(server.where());
  never_ending endings;
  times took;
  times arrived;
  const cpu_meter cpu(server);
  for (auto _ : state) {
    const auto writers = make_writers(state.range(0));
    const auto appends = appends_per_run / static_cast<std::uint32_t>(writers.size());
    aio::task_group writing(worker.loops[0]);
    aio::task_group reading(api.loops[0]);
    const auto attach = [&]() -> aio::awaitable<> {
      for (const auto& by : writers) {
        auto follower = std::make_shared<chunk_follower>(api.loops[0], *api.log, endings, by.task,
                                                         follow_from{});
        reading.spawn("follow", follow(std::move(follower), appends, arrived));
      }
      co_return;
    };
    await_on(api.loops[0], attach());
    await_on(worker.loops[0], write_answers(writing, *worker.log, writers, appends, took));
    await_on(api.loops[0], reading.join());
  }
  cpu.show(state, arrived.size());
  state.SetItemsProcessed(static_cast<std::int64_t>(arrived.size()));
  show(state, took, "append");
  show(state, arrived, "arrival");
}
BENCHMARK(append_and_follow)->Arg(1)->Arg(16)->Arg(256)->Iterations(3)->UseRealTime();

}  // namespace
}  // namespace throughline::stream

BENCHMARK_MAIN();
