// Takes lines from any thread and writes them to a descriptor on a thread of its own. Used by the
// log only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace throughline::log {

class line_writer {
 public:
  static constexpr std::size_t buffer_bytes_max = 1024 * 1024;

  explicit line_writer(int descriptor) : descriptor_(descriptor) {}
  /// Writes what the descriptor takes without waiting, and drops the rest.
  ~line_writer();
  line_writer(const line_writer&) = delete;
  line_writer& operator=(const line_writer&) = delete;

  /// Takes the line, or counts it as lost. `notice` makes the line that says how many were lost; it
  /// is called when there is room again. Never waits for the descriptor.
  void push(std::string_view line, const std::function<std::string(std::uint64_t lost)>& notice);

  /// True: everything pushed before has been written, or refused by the descriptor and counted as
  /// lost. Waits `patience` at most.
  bool flush(std::chrono::milliseconds patience) noexcept;

 private:
  /// A line that says how many were lost; if it is lost itself, they are to be told of again.
  struct notice_line {
    std::size_t end;  // where it ends among the lines that go with it
    std::uint64_t lost;
  };

  void run();
  /// How many bytes the descriptor took.
  [[nodiscard]] std::size_t put(std::string_view lines);
  /// How many bytes of it were written; 0: it is refused.
  [[nodiscard]] std::size_t write_some(std::string_view bytes) const;
  [[nodiscard]] bool wait_until_writable() const;
  /// With the mutex held: these lines were refused behind their first `written` bytes.
  void count_refused(std::string_view lines, std::size_t written,
                     const std::vector<notice_line>& notices);

  const int descriptor_;
  std::mutex mutex_;
  std::condition_variable added_;
  std::string waiting_;
  std::vector<notice_line> notices_;  // among them
  std::uint64_t lost_ = 0;
  std::size_t writing_ = 0;  // bytes that the thread has taken
  bool is_idle_ = false;     // the thread waits for a line
  bool is_cut_ = false;      // the last line written has no end; the thread's own
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // started by the first line
};

}  // namespace throughline::log
