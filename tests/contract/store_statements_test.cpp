// How many statements an answer costs: what a database does for each message, whatever else it
// does.
#include "contract/store_fixture.hpp"

namespace throughline::store {
namespace {

/// Counts the statements of everything that passes, BEGIN and COMMIT aside.
class counting_database final : public sql::database {
 public:
  explicit counting_database(sql::database& inner) : inner_(inner) {}

  aio::awaitable<result<void>> write_transaction(sql::transaction_body body) override {
    return inner_.write_transaction(counted(std::move(body)));
  }
  aio::awaitable<result<void>> read_transaction(sql::transaction_body body) override {
    return inner_.read_transaction(counted(std::move(body)));
  }
  /// Since the last call.
  int take() { return count_->exchange(0); }

 private:
  class counting_transaction : public sql::transaction {
   public:
    counting_transaction(sql::transaction& inner, std::atomic<int>& count)
        : inner_(inner), count_(count) {}
    aio::awaitable<sql::rows> execute(std::string_view text, sql::parameters values) override {
      ++count_;
      return inner_.execute(text, std::move(values));
    }
    aio::awaitable<> execute_with_next(std::string_view text, sql::parameters values) override {
      ++count_;
      return inner_.execute_with_next(text, std::move(values));
    }

   private:
    sql::transaction& inner_;
    std::atomic<int>& count_;
  };
  static aio::awaitable<result<void>> run(sql::transaction& in, sql::transaction_body body,
                                          std::shared_ptr<std::atomic<int>> count) {
    counting_transaction counting(in, *count);
    auto outcome = co_await body(counting);
    co_return outcome;
  }
  sql::transaction_body counted(sql::transaction_body body) {
    return [body = std::move(body), count = count_](sql::transaction& in) {
      return run(in, body, count);
    };
  }

  sql::database& inner_;
  std::shared_ptr<std::atomic<int>> count_ = std::make_shared<std::atomic<int>>(0);
};

/// A message that a worker of another process answers and one reader follows. The claim, which
/// takes many at once, and the saving of partial text are not counted.
TEST_P(store_contract, an_answer_costs_at_most_ten_statements) {
  counting_database counting(*stored_.database);
  use_database(counting);
  const auto worker = start_worker();
  const auto cost_of = [&](const submission& posted) {
    int cost = counting.take();
    const auto claimed = claim_one(worker);
    counting.take();
    if (!claimed.context) get(queue_->context(claimed.held, 100'000));
    get(queue_->terminals({posted.task}));
    EXPECT_TRUE(finish(claimed));
    cost += counting.take();
    return cost;
  };
  counting.take();
  const auto first = post(ann, "first");
  EXPECT_EQ(cost_of(first), 9);
  submit_options options;
  options.once = idempotency{"first", "hash"};
  EXPECT_EQ(cost_of(post_with(ann, options)), 10);
  EXPECT_EQ(cost_of(post_in(ann, first.conversation, "and on")), 10);
  options.once = idempotency{"next", "hash"};
  EXPECT_EQ(cost_of(post_in(ann, first.conversation, "with a key", options)), 11);
}

}  // namespace
}  // namespace throughline::store
