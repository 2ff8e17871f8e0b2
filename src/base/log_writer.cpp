#include "base/log_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/metrics.hpp"

namespace throughline::log {
namespace {

// What a pipe takes in one piece (PIPE_BUF), so that lines of several processes on one pipe do not
// mix.
constexpr std::size_t piece_bytes_max = 4096;
// Lines that come in quick succession are written together, and wake the thread up once.
constexpr std::chrono::milliseconds gathering{5};
constexpr int look_again_ms = 50;

metrics::counter& lines_lost = metrics::find_counter(metrics::log_lines_lost);

/// As many whole lines as fit into a piece; a longer line alone.
std::string_view first_piece(std::string_view lines) {
  if (lines.size() <= piece_bytes_max) return lines;
  const auto end = lines.rfind('\n', piece_bytes_max - 1);
  if (end != std::string_view::npos) return lines.substr(0, end + 1);
  return lines.substr(0, std::min(lines.find('\n'), lines.size() - 1) + 1);
}

}  // namespace

line_writer::~line_writer() {
  stopping_ = true;
  {
    const std::lock_guard lock(mutex_);
    added_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void line_writer::push(std::string_view line,
                       const std::function<std::string(std::uint64_t)>& notice) {
  const std::lock_guard lock(mutex_);
  std::string before;
  if (lost_ > 0) before = notice(lost_);
  if (waiting_.size() + writing_ + before.size() + line.size() > buffer_bytes_max) {
    ++lost_;
    lines_lost.add();
    return;
  }
  waiting_ += before;
  if (lost_ > 0) notices_.push_back({waiting_.size(), std::exchange(lost_, 0)});
  waiting_ += line;
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "log");
  }
  if (std::exchange(is_idle_, false)) added_.notify_one();
}

void line_writer::run() {
  std::string taken;
  std::vector<notice_line> notices;
  std::unique_lock lock(mutex_);
  while (true) {
    while (waiting_.empty() && !stopping_) {
      is_idle_ = true;
      added_.wait(lock);
    }
    is_idle_ = false;
    if (waiting_.empty()) return;
    if (!stopping_) {
      lock.unlock();
      std::this_thread::sleep_for(gathering);
      lock.lock();
    }
    taken.clear();
    taken.swap(waiting_);
    notices.clear();
    notices.swap(notices_);
    writing_ = taken.size();
    lock.unlock();
    const auto written = put(taken);
    lock.lock();
    writing_ = 0;
    if (written < taken.size()) count_refused(taken, written, notices);
  }
}

std::size_t line_writer::put(std::string_view lines) {
  // What comes next shall not go on with a line that was cut.
  if (is_cut_ && write_some("\n") == 0) return 0;
  is_cut_ = false;
  std::string_view rest = lines;
  while (!rest.empty()) {
    auto piece = first_piece(rest);
    while (!piece.empty()) {
      const auto written = write_some(piece);
      if (written == 0) {
        is_cut_ = rest.size() < lines.size() && lines[lines.size() - rest.size() - 1] != '\n';
        return lines.size() - rest.size();
      }
      piece.remove_prefix(written);
      rest.remove_prefix(written);
    }
  }
  return lines.size();
}

std::size_t line_writer::write_some(std::string_view bytes) const {
  while (wait_until_writable()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written > 0) return static_cast<std::size_t>(written);
    if (written == 0 || (errno != EINTR && errno != EAGAIN)) return 0;
  }
  return 0;
}

void line_writer::count_refused(std::string_view lines, std::size_t written,
                                const std::vector<notice_line>& notices) {
  const auto refused = lines.substr(written);
  auto count = static_cast<std::uint64_t>(std::ranges::count(refused, '\n'));
  for (const auto& notice : notices) {
    if (notice.end <= written) continue;
    --count;
    lost_ += notice.lost;
  }
  lost_ += count;
  lines_lost.add(count);
}

/// False: the output is gone, or it takes nothing and the process ends.
bool line_writer::wait_until_writable() const {
  while (true) {
    pollfd ready{descriptor_, POLLOUT, 0};
    const int found = ::poll(&ready, 1, stopping_ ? 0 : look_again_ms);
    if (found > 0) return (ready.revents & POLLOUT) != 0;
    if (found < 0 && errno != EINTR) return false;
    if (stopping_) return false;
  }
}

bool line_writer::flush(std::chrono::milliseconds patience) noexcept {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  do {
    // Whoever holds the mutex may be the one whose failure ends the process.
    if (const std::unique_lock lock(mutex_, std::try_to_lock);
        lock && waiting_.empty() && writing_ == 0) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

}  // namespace throughline::log
