#include "sql/postgres_database.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <future>
#include <vector>

#include "base/assert.hpp"
#include "sql/postgres_pool.hpp"
#include "sql/postgres_schema.hpp"

namespace throughline::sql {
namespace {

using std::chrono::steady_clock;

class pooled_postgres_database final : public postgres_database {
 public:
  pooled_postgres_database(const postgres_options& options, postgres_address address,
                           aio::event_loops& loops) {
    shared_.address = std::move(address);
    shared_.session.statement_timeout = options.statement_deadline;
    shared_.session.idle_timeout = options.transaction_deadline;
    shared_.limits = {options.waiting_max, options.waiting_deadline, options.statement_deadline,
                      options.transaction_deadline, options.connect_deadline};
    for (std::size_t i = 0; i < loops.size(); ++i) {
      // The first loops get what cannot be shared out.
      const auto share = (options.connections + loops.size() - 1 - i) / loops.size();
      pools_.push_back(
          std::make_unique<postgres_pool>(loops[i], std::max<std::size_t>(share, 1), shared_));
      shared_.pools.push_back(pools_.back().get());
    }
  }

  ~pooled_postgres_database() override {
    {
      const std::lock_guard lock(shared_.handing_over);
      shared_.is_closing = true;
    }
    std::vector<std::future<void>> closed;
    for (auto& pool : pools_) {
      // Where the thread has ended nothing is under way.
      if (!pool->loop().context().stopped()) closed.push_back(close(*pool));
    }
    for (auto& one : closed) one.get();
  }

  aio::awaitable<result<void>> write_transaction(transaction_body body) override {
    return run(std::move(body), pooled_transaction::kind::write, {});
  }
  aio::awaitable<result<void>> write_in_group(transaction_body body, std::string group) override {
    return run(std::move(body), pooled_transaction::kind::write, std::move(group));
  }
  aio::awaitable<result<void>> read_transaction(transaction_body body) override {
    return run(std::move(body), pooled_transaction::kind::read, {});
  }

  std::optional<errc> write_trouble() const override { return shared_.writes.trouble(); }
  aio::awaitable<result<void>> try_writing() override {
    const auto body = [](transaction& in) -> aio::awaitable<result<void>> {
      // Written even if it is what it was.
      co_await in.execute("UPDATE schema_migrations SET version = version");
      co_return result<void>();
    };
    return run(body, pooled_transaction::kind::write, {});
  }

  pool_state state() const override {
    pool_state out;
    for (const auto& pool : pools_) {
      out.most += pool->size();
      out.open += pool->open();
      out.used += pool->used();
      out.waiting += pool->waiting();
    }
    if (auto outage = shared_.health.current()) {
      out.unreachable_since = outage->since;
      out.why = std::move(outage->why);
    }
    return out;
  }

 private:
  aio::awaitable<result<void>> run(transaction_body body, pooled_transaction::kind what,
                                   std::string group) {
    auto* here = aio::event_loop::current();
    THROUGHLINE_ASSERT(here != nullptr);
    const aio::one_shot<result<void>> answer(*here);
    auto& pool = pool_for(*here, group);
    const auto now = steady_clock::now();
    pooled_transaction one{std::move(body),
                           answer,
                           what,
                           std::move(group),
                           now + shared_.limits.waiting_deadline,
                           now + shared_.limits.transaction_deadline};
    if (pool.loop().is_current()) {
      pool.submit(std::move(one));
    } else {
      auto shared = std::make_shared<pooled_transaction>(std::move(one));
      pool.loop().post([&pool, shared] { pool.submit(std::move(*shared)); });
    }
    auto outcome = co_await answer.get();
    co_return outcome;
  }

  /// The caller's own, or one that has a connection to spare. Those of a group stay together.
  postgres_pool& pool_for(const aio::event_loop& here, const std::string& group) {
    postgres_pool* own = nullptr;
    for (auto& pool : pools_) {
      if (&pool->loop() == &here) own = pool.get();
    }
    // A loop for which the server has no connection leaves its work to the others.
    const bool is_starved = own != nullptr && own->open() == 0 && shared_.open > 0 &&
                            shared_.health.next_try() != steady_time{};
    if (own != nullptr && !is_starved && (own->has_room() || own->knows(group))) return *own;
    const auto first = turn_.fetch_add(1, std::memory_order_relaxed);
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      auto& pool = *pools_[(first + i) % pools_.size()];
      if (pool.has_room() && (!is_starved || pool.open() > 0)) return pool;
    }
    for (auto& pool : pools_) {
      if (is_starved && pool->open() > 0) return *pool;
    }
    return own != nullptr ? *own : *pools_[first % pools_.size()];
  }

  static std::future<void> close(postgres_pool& pool) {
    auto done = std::make_shared<std::promise<void>>();
    auto closed = done->get_future();
    pool.loop().post([&pool, done] {
      boost::asio::co_spawn(pool.loop().get_executor(), pool.close(),
                            [done](const std::exception_ptr& thrown) {
                              if (thrown) std::terminate();
                              done->set_value();
                            });
    });
    return closed;
  }

  postgres_shared shared_;
  std::vector<std::unique_ptr<postgres_pool>> pools_;
  std::atomic<std::size_t> turn_{0};
};

}  // namespace

result<std::unique_ptr<postgres_database>> open_postgres_database(
    const postgres_options& options, std::span<const migration> migrations,
    aio::event_loops& loops) {
  auto address = parse_postgres_url(options.url);
  if (!address) return address.error();
  const schema_deadlines deadlines{options.connect_deadline, options.migration_deadline};
  if (auto ready = prepare_postgres_schema(*address, migrations, deadlines); !ready) {
    return ready.error();
  }
  return std::unique_ptr<postgres_database>(
      std::make_unique<pooled_postgres_database>(options, *std::move(address), loops));
}

}  // namespace throughline::sql
