#include "base/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <memory>
#include <mutex>

#include "base/json.hpp"
#include "base/utf8.hpp"

namespace throughline::log {
namespace {

// What a pipe takes in one piece (PIPE_BUF), so that lines of several processes on one pipe do not
// mix.
constexpr std::size_t line_bytes_max = 4096;
// Time, level, braces, the mark of truncation and the line end.
constexpr std::size_t frame_bytes_max = 96;
constexpr std::size_t value_bytes_max = 1024;

/// Writes a line if the descriptor takes it now.
class descriptor_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  descriptor_sink(int descriptor, format how) : descriptor_(descriptor), how_(how) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    if (dropped_ > 0) {
      spdlog::details::log_msg notice = message;
      notice.level = spdlog::level::warn;
      const auto text =
          how_ == format::json
              ? fmt::format("\"event\":\"log lines were lost\",\"count\":{}", dropped_)
              : fmt::format("log lines were lost count={}", dropped_);
      notice.payload = text;
      formatter_->format(notice, line);
      if (put({line.data(), line.size()})) dropped_ = 0;
      line.clear();
    }
    formatter_->format(message, line);
    if (dropped_ > 0 || !put({line.data(), line.size()})) ++dropped_;
  }

  void flush_() override {}

  /// False if the whole line had to be dropped. A line of which a part is out is finished only if
  /// that needs no waiting.
  [[nodiscard]] bool put(std::string_view bytes) const {
    bool begun = false;
    while (!bytes.empty()) {
      pollfd ready{descriptor_, POLLOUT, 0};
      if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return begun;
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return begun;
      begun = true;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  const int descriptor_;
  const format how_;
  std::uint64_t dropped_ = 0;
};

spdlog::level::level_enum to_spdlog(level at) {
  switch (at) {
    case level::debug:
      return spdlog::level::debug;
    case level::info:
      return spdlog::level::info;
    case level::warning:
      return spdlog::level::warn;
    case level::error:
      return spdlog::level::err;
    case level::off:
      break;
  }
  return spdlog::level::off;
}

struct configuration {
  configuration(format how, int descriptor) : form(how) {
    auto sink = std::make_shared<descriptor_sink>(descriptor, how);
    const char* pattern = how == format::json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                              : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
    logger = std::make_unique<spdlog::logger>("throughline", std::move(sink));
    logger->set_level(spdlog::level::trace);
  }

  format form;
  std::unique_ptr<spdlog::logger> logger;
};

std::atomic<level> lowest_level{level::info};

/// Never destroyed: threads and destructors of statics may log until the very end.
std::unique_ptr<configuration>& current() {
  static auto* const holder =
      new std::unique_ptr<configuration>(std::make_unique<configuration>(format::text, 2));
  return *holder;
}

/// As JSON writes it; what a value holds may come from outside and need not be UTF-8.
void append_quoted(std::string& out, std::string_view text) {
  if (is_valid_utf8(text)) return append_json_string(out, text);
  append_json_string(out, to_valid_utf8(text));
}

/// Bare in the text form unless that would be ambiguous.
void append_word(std::string& out, std::string_view text, bool spaces_allowed) {
  const std::size_t start = out.size();
  append_quoted(out, text);
  const std::string_view inside = std::string_view(out).substr(start + 1, out.size() - start - 2);
  const bool ambiguous = inside.empty() || inside != text ||
                         (!spaces_allowed && inside.find_first_of(" =") != std::string_view::npos);
  if (ambiguous) return;
  out.pop_back();
  out.erase(start, 1);
}

std::string_view cut(std::string_view text) {
  if (text.size() <= value_bytes_max) return text;
  // At a character's boundary if this is UTF-8; what is not will be mended.
  return text.substr(0, std::max(utf8_prefix(text, value_bytes_max), value_bytes_max - 4));
}

struct append_value {
  std::string& out;
  format form;

  void operator()(const std::string& text) const {
    if (form == format::json) return append_quoted(out, cut(text));
    append_word(out, cut(text), false);
  }
  void operator()(std::int64_t number) const {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
  void operator()(bool truth) const { out.append(truth ? "true" : "false"); }
  void operator()(double number) const {
    // JSON has no word for what is not a number.
    if (form == format::json && !std::isfinite(number)) {
      out.append("null");
      return;
    }
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
};

std::string format_event(format form, std::string_view event, std::initializer_list<field> fields) {
  std::string line;
  if (form == format::json) {
    line.append("\"event\":");
    append_quoted(line, cut(event));
  } else {
    append_word(line, cut(event), true);
  }
  bool truncated = false;
  for (const auto& [name, value] : fields) {
    const std::size_t before = line.size();
    if (form == format::json) {
      line.push_back(',');
      append_quoted(line, name);
      line.push_back(':');
    } else {
      line.push_back(' ');
      append_word(line, name, false);
      line.push_back('=');
    }
    std::visit(append_value{line, form}, value);
    if (line.size() > line_bytes_max - frame_bytes_max) {
      line.resize(before);
      truncated = true;
    }
  }
  if (truncated) line.append(form == format::json ? ",\"truncated\":true" : " truncated=true");
  return line;
}

}  // namespace

void configure(level lowest, format how, int descriptor) {
  current() = std::make_unique<configuration>(how, descriptor);
  lowest_level.store(lowest, std::memory_order_relaxed);
}

bool enabled(level at) noexcept {
  return at != level::off && at >= lowest_level.load(std::memory_order_relaxed);
}

void write(level at, std::string_view event, std::initializer_list<field> fields) {
  const auto& configured = *current();
  const std::string line = format_event(configured.form, event, fields);
  configured.logger->log(to_spdlog(at), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace throughline::log
