// What the log and /metrics are told of one reader of one answer: that it came (or came back, and
// from where), how long chunks took to reach it, and how it went. Lives in the coroutine that
// serves the reader; however that ends, the end is told.
#pragma once

#include <string_view>

#include "base/clock.hpp"
#include "http/message.hpp"
#include "stream/chunk_follower.hpp"

namespace throughline::api {

class stream_record {
 public:
  /// `incoming` and `follower` outlive it.
  stream_record(const http::request& incoming, task_id task, const stream::follow_from& from,
                const stream::chunk_follower& follower);
  ~stream_record();
  stream_record(const stream_record&) = delete;
  stream_record& operator=(const stream_record&) = delete;

  /// The page has been handed to the socket.
  void sent(const stream::follow_result& page, steady_time now);
  /// `how` is a literal. Without it the client has gone.
  void ends(std::string_view how) noexcept { how_ = how; }

 private:
  const http::request& incoming_;
  const task_id task_;
  const stream::chunk_follower& follower_;
  const steady_time began_;
  std::int64_t chunks_ = 0;
  std::string_view how_ = "client_gone";
};

}  // namespace throughline::api
