// For the tests of the log in Redis: a server, and processes (each a client, subscriptions and a
// log of its own) that use it.
#pragma once

#include "contract/stream_support.hpp"
#include "redis/server_fixture.hpp"
#include "stream/redis_chunk_log.hpp"

namespace throughline::stream::testing {

/// One server for all tests of this program; each test begins with it empty.
inline redis::server_process& shared_server() {
  static redis::server_process server;
  return server;
}

/// What one process of many has of Redis, on loops of its own.
class redis_user {
 public:
  redis_user(redis::server to, clock& time, milliseconds ttl)
      : client_(own_loops(), to, patient_client()),
        events_(loops_[0], to, client_.here(), patient_events()),
        log_(make_redis_chunk_log(client_, events_, {.ttl = ttl, .read_patience = 60s}, time)) {}
  ~redis_user() {
    await_on(loops_[0], log_->stop());
    await_on(loops_[0], events_.stop());
    await_on(loops_[0], client_.stop());
  }

  redis_chunk_log& log() { return *log_; }
  redis::client& client() { return client_; }

 private:
  // A deadline that is not met on a busy machine decides no test.
  static redis::client_options patient_client() {
    redis::client_options options;
    options.lane.command_timeout = 60s;
    options.lane.link.connect_timeout = 60s;
    return options;
  }
  static redis::subscriptions_options patient_events() {
    redis::subscriptions_options options;
    options.link.connect_timeout = 60s;
    options.ping_every = 10s;
    return options;
  }
  std::vector<aio::event_loop*> own_loops() { return {&loops_[0], &loops_[1]}; }

  aio::event_loops loops_{2, "redis"};
  redis::client client_;
  redis::subscriptions events_;
  std::unique_ptr<redis_chunk_log> log_;
};

}  // namespace throughline::stream::testing
