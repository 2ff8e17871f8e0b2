#include "contract/stream_chunk_log_contract.hpp"
#include "contract/stream_follower_contract.hpp"
#include "contract/stream_forgetful_log.hpp"
#include "contract/stream_redis_fixture.hpp"

namespace throughline::stream::testing {
namespace {

/// Passes everything on to a log that somebody else owns.
class borrowed_log final : public chunk_log {
 public:
  explicit borrowed_log(chunk_log& owned) : owned_(owned) {}

  aio::awaitable<result<append_result>> open(writer by) override { return owned_.open(by); }
  aio::awaitable<result<append_result>> append(writer by, std::uint32_t first_index,
                                               std::vector<chunk> chunks) override {
    return owned_.append(by, first_index, std::move(chunks));
  }
  aio::awaitable<result<read_result>> read(task_id task, std::optional<position> after,
                                           std::size_t bytes_max) override {
    return owned_.read(task, after, bytes_max);
  }
  std::unique_ptr<subscription> subscribe(task_id task, std::shared_ptr<aio::bell> bell) override {
    return owned_.subscribe(task, std::move(bell));
  }
  aio::awaitable<> remove(task_id task) override { return owned_.remove(task); }
  log_totals totals() const override { return owned_.totals(); }

 private:
  chunk_log& owned_;
};

class redis_backend {
 public:
  redis_backend() { server_.tell({"FLUSHALL"}); }

  chunk_log& log() { return log_; }
  clock& time() { return time_; }
  milliseconds ttl() const { return ttl_in_redis / slowness; }
  void advance(milliseconds by) {
    time_.advance(by);
    server_.tell({"EVAL",
                  "for _, key in ipairs(redis.call('KEYS', '*')) do "
                  "  local left = redis.call('PTTL', key) "
                  "  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end "
                  "end",
                  "0", std::to_string((by * slowness).count())});
  }
  void forget_next_reply() { log_.forget_next = true; }
  void lose(task_id task) {
    server_.tell({"DEL", "stream:" + task.to_string() + ":chunks",
                  "stream:" + task.to_string() + ":metadata"});
  }

 private:
  // A moment of the test's clock is a thousand in Redis: however slow the machine is, what is to
  // live lives.
  static constexpr int slowness = 1000;
  static constexpr milliseconds ttl_in_redis = std::chrono::hours(100);

  redis::server_process& server_ = shared_server();
  manual_clock time_;
  redis_user process_{server_.where(), time_, ttl_in_redis};
  forgetful_log log_{std::make_unique<borrowed_log>(process_.log())};
};

INSTANTIATE_TYPED_TEST_SUITE_P(redis, stream_chunk_log, redis_backend);
INSTANTIATE_TYPED_TEST_SUITE_P(redis, stream_follower, redis_backend);

}  // namespace
}  // namespace throughline::stream::testing
