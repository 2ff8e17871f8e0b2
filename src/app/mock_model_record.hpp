// What the mock model was asked and what exactly it sent, so that a test can compare what arrived
// with what left. Bounded: the oldest requests go first. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "load/histogram.hpp"
#include "load/text_digest.hpp"

namespace throughline::app {

struct mock_record {
  std::uint64_t number = 0;
  std::string id;
  std::string key;
  std::string path;
  std::string model;
  bool stream = false;
  wall_time received_at{};
  std::vector<std::pair<std::string, std::string>> headers;  // without keys and cookies
  bool had_key = false;                                      // Authorization or x-api-key
  std::string messages;                                      // JSON
  int status = 200;
  // As the client should have decoded it; only what was handed to the kernel in whole frames.
  std::string sent_reasoning;
  std::string sent_text;
  bool keeps_text = true;
  load::text_digest sent_digest;  // of the text
  std::int64_t sent_tokens = 0;
  std::int64_t sent_bytes = 0;
  bool finished = false;  // all that was asked for was sent
  bool closed_by_client = false;
  std::optional<wall_time> closed_at;
};

/// What went out in one write.
struct mock_sent {
  std::string_view reasoning;
  std::string_view text;
  std::int64_t tokens = 0;
  std::size_t bytes = 0;
  std::span<const std::int64_t> late_ns;  // of each token against the plan's pace
};

class mock_record_book {
 public:
  /// Counts the request as active until it is closed.
  [[nodiscard]] std::shared_ptr<mock_record> add(mock_record record);

  /// Adds to what was sent.
  void sent(mock_record& record, const mock_sent& more);
  void set_status(mock_record& record, int status);
  enum class ending : std::uint8_t { finished, broken_off, closed_by_client };
  void close(mock_record& record, ending how);

  /// How many times it was called with this key, this time included. Keys beyond 100,000 start
  /// again.
  [[nodiscard]] std::int64_t count(const std::string& key);

  /// `[...]`, the newest `limit`, oldest first; only those of a key, if one is given.
  [[nodiscard]] std::string list(std::optional<std::string_view> key, std::size_t limit) const;
  /// `[{"key":…,"hash":"16 hex digits","bytes":…,"finished":…}]` of the texts sent for keys that
  /// begin with `prefix`, oldest first: of a key asked for twice, the last one counts.
  [[nodiscard]] std::string digests(std::string_view prefix) const;
  [[nodiscard]] std::string stats() const;
  /// Forgets requests, counts and keys. Those under way are counted as active still.
  void clear();

 private:
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<mock_record>> records_;
  std::map<std::string, std::int64_t> counts_;
  std::size_t held_bytes_ = 0;
  std::uint64_t requests_ = 0;
  std::int64_t active_ = 0;
  std::int64_t active_most_ = 0;
  std::int64_t finished_ = 0;
  std::int64_t closed_by_client_ = 0;
  std::int64_t sent_tokens_ = 0;
  std::int64_t sent_bytes_ = 0;
  load::histogram late_;
};

}  // namespace throughline::app
