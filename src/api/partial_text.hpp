// What there is by now of an answer that is being written: the content chunks of its log joined,
// or, when there is no log, the text that was saved.
#pragma once

#include "api/routes.hpp"

namespace throughline::api {

struct partial_answer {
  std::string content;
  std::int64_t chunk_count = 0;
};

/// Joins frames as they come out of a log, page by page. Pure.
class text_joiner {
 public:
  void add(const stream::chunk_run& run);
  [[nodiscard]] const std::optional<stream::position>& at() const { return at_; }
  [[nodiscard]] partial_answer take() { return std::move(so_far_); }

 private:
  std::optional<stream::position> at_;
  partial_answer so_far_;
};

/// At most about 4 MiB of it. Empty if nothing is known.
[[nodiscard]] aio::awaitable<partial_answer> partial_of(call in, task_id task);

}  // namespace throughline::api
