// Tells a stream that is slow because the model is from one that something on the way holds back:
// what the server said it had, and when, against what the reader had, and when. Pure. Used by
// `throughline check`.
#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.hpp"
#include "stream/chunk.hpp"

namespace throughline::app {

class stream_watch {
 public:
  /// The reader has everything up to `at`.
  void received(stream::position at, steady_time when);
  /// The server has said that the answer has got as far as `at`. Later than it got there.
  void known(stream::position at, steady_time when);

  /// The longest time between the server's word and the arrival of what it was about; what had not
  /// arrived by `end` counts until then.
  [[nodiscard]] milliseconds longest_delay(steady_time end) const;
  /// How many times something came, where what comes within 20 ms is one time.
  [[nodiscard]] std::size_t lumps() const;

 private:
  struct moment {
    stream::position at;
    steady_time when;
  };
  std::vector<moment> received_;
  std::vector<moment> known_;
};

}  // namespace throughline::app
