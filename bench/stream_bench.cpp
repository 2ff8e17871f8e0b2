// The chunk log by itself: what a chunk costs to write, to read when it is new, and to keep; and
// what a delivery costs to many followers on one loop. Figures are in docs/benchmarks.md.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <vector>

#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "stream/chunk_follower.hpp"
#include "stream/memory_chunk_log.hpp"

namespace throughline::stream {
namespace {

constexpr std::size_t tasks = 1000;
constexpr std::uint32_t chunks_per_answer = 2000;

template <class T>
T await_on(aio::event_loop& loop, aio::awaitable<T> work) {
  return aio::asio::co_spawn(loop.get_executor(), std::move(work), aio::asio::use_future).get();
}

std::vector<chunk> delta() {
  std::vector<chunk> chunks(1);
  chunks[0].content = "Hel";
  return chunks;
}

struct written_tasks {
  std::vector<writer> writers;
  written_tasks() {
    for (std::size_t i = 0; i < tasks; ++i) {
      writers.push_back({task_id::generate(), 1, worker_id::generate()});
    }
  }
};

aio::awaitable<> append_round(chunk_log& log, const std::vector<writer>& writers,
                              std::uint32_t index, bool reads) {
  for (const auto& by : writers) {
    auto chunks = delta();
    const auto appended = co_await log.append(by, index, std::move(chunks));
    benchmark::DoNotOptimize(appended->length);
    if (!reads) continue;
    std::optional<position> after;
    if (index > 0) after = position{1, index - 1};
    const auto found = co_await log.read(by.task, after, 256 * 1024);
    benchmark::DoNotOptimize(found->runs.data());
  }
}

/// One iteration: a chunk for each of 1,000 tasks; logs are begun anew every 2,000 chunks.
void append_rounds(benchmark::State& state, bool reads) {
  aio::event_loops loops(1, "bench");
  const auto log = make_memory_chunk_log({std::size_t{8} << 30, std::chrono::hours(1)});
  const written_tasks work;
  std::uint32_t index = 0;
  for (auto _ : state) {
    await_on(loops[0], append_round(*log, work.writers, index, reads));
    if (++index < chunks_per_answer) continue;
    state.PauseTiming();
    for (const auto& by : work.writers) await_on(loops[0], log->remove(by.task));
    index = 0;
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(tasks));
}
void append(benchmark::State& state) {
  append_rounds(state, false);
}
void append_and_read(benchmark::State& state) {
  append_rounds(state, true);
}
BENCHMARK(append)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(append_and_read)->MeasureProcessCPUTime()->UseRealTime();

void memory_per_chunk(benchmark::State& state) {
  aio::event_loops loops(1, "bench");
  const auto length = static_cast<std::uint32_t>(state.range(0));
  const written_tasks work;
  for (auto _ : state) {
    const auto log = make_memory_chunk_log({std::size_t{8} << 30, std::chrono::hours(1)});
    const auto before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (std::uint32_t i = 0; i < length; ++i) {
      await_on(loops[0], append_round(*log, work.writers, i, false));
    }
    const auto after = mallinfo2().uordblks + mallinfo2().hblkhd;
    const auto chunks = static_cast<double>(length) * tasks;
    state.counters["heap_bytes_per_chunk"] = static_cast<double>(after - before) / chunks;
    state.counters["counted_bytes_per_chunk"] = static_cast<double>(log->totals().bytes) / chunks;
  }
}
BENCHMARK(memory_per_chunk)->Arg(100)->Arg(500)->Arg(2000)->Iterations(1);

class never_ending final : public task_endings {
 public:
  aio::awaitable<result<std::optional<position>>> terminal_of(task_id, bool) override {
    co_return std::optional<position>();
  }
  aio::awaitable<result<stored_ending>> ending_of(task_id) override {
    co_return fail(errc::internal, "never");
  }
};

aio::awaitable<> follow(std::shared_ptr<chunk_follower> follower, std::size_t& deliveries) {
  while (true) {
    const auto got = co_await follower->next(std::chrono::seconds(15));
    for (const auto& run : got.runs) deliveries += run.count;
    if (got.last) co_return;
  }
}

/// One iteration: one chunk, delivered to every follower (on the same loop), without any socket.
void fan_out(benchmark::State& state) {
  aio::event_loops loops(1, "bench");
  auto& loop = loops[0];
  const auto log = make_memory_chunk_log({});
  never_ending endings;
  aio::task_group group(loop);
  const writer by{task_id::generate(), 1, worker_id::generate()};
  std::size_t deliveries = 0;
  const auto followers = static_cast<std::size_t>(state.range(0));
  const auto attach = [&]() -> aio::awaitable<> {
    for (std::size_t i = 0; i < followers; ++i) {
      auto follower = std::make_shared<chunk_follower>(loop, *log, endings, by.task, follow_from{});
      group.spawn("follow", follow(std::move(follower), deliveries));
    }
    co_return;
  };
  await_on(loop, attach());
  const auto deliver = [&](std::uint32_t index) -> aio::awaitable<> {
    const auto here = co_await aio::asio::this_coro::executor;
    auto chunks = delta();
    const auto appended = co_await log->append(by, index, std::move(chunks));
    benchmark::DoNotOptimize(appended->length);
    while (deliveries < followers * (index + 1)) {
      co_await aio::asio::post(here, aio::use_awaitable);
    }
  };
  std::uint32_t index = 0;
  for (auto _ : state) await_on(loop, deliver(index++));
  state.SetItemsProcessed(static_cast<std::int64_t>(deliveries));
  await_on(loop, group.stop());
}
BENCHMARK(fan_out)->Arg(1)->Arg(100)->Arg(1000)->MeasureProcessCPUTime();

}  // namespace
}  // namespace throughline::stream

BENCHMARK_MAIN();
