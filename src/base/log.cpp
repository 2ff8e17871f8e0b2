#include "base/log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>

#include "base/json.hpp"
#include "base/log_writer.hpp"
#include "base/utf8.hpp"

namespace throughline::log {
namespace {

constexpr std::size_t line_bytes_max = 4096;
// Time, level, braces, the mark of truncation and the line end.
constexpr std::size_t frame_bytes_max = 96;
constexpr std::size_t value_bytes_max = 1024;
constexpr std::size_t line_bytes_usual = 256;

/// Hands formatted lines to the writer.
class buffered_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  buffered_sink(int descriptor, format how) : writer_(descriptor), how_(how) {}

  bool flush_within(std::chrono::milliseconds patience) noexcept { return writer_.flush(patience); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    writer_.push({line.data(), line.size()},
                 [this, &message](std::uint64_t lost) { return notice_of(message, lost); });
  }

  std::string notice_of(const spdlog::details::log_msg& message, std::uint64_t lost) {
    spdlog::details::log_msg notice = message;
    notice.level = spdlog::level::warn;
    const auto text = how_ == format::json
                          ? fmt::format("\"event\":\"log lines were lost\",\"count\":{}", lost)
                          : fmt::format("log lines were lost count={}", lost);
    notice.payload = text;
    spdlog::memory_buf_t line;
    formatter_->format(notice, line);
    return {line.data(), line.size()};
  }

  void flush_() override {}

  line_writer writer_;
  const format how_;
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
    sink = std::make_shared<buffered_sink>(descriptor, how);
    const char* pattern = how == format::json ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                              : "%Y-%m-%dT%H:%M:%S.%eZ %l %v";
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
    logger = std::make_unique<spdlog::logger>("throughline", sink);
    logger->set_level(spdlog::level::trace);
  }

  format form;
  std::shared_ptr<buffered_sink> sink;
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

/// Neither form has to escape it, and it divides nothing.
constexpr bool is_plain(char c) {
  return c > ' ' && c < '\x7F' && c != '"' && c != '\\' && c != '=';
}

/// Bare in the text form unless that would be ambiguous.
void append_word(std::string& out, std::string_view text, bool spaces_allowed) {
  if (!text.empty() && std::ranges::all_of(text, is_plain)) {
    out.append(text);
    return;
  }
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
    const fmt::format_int text(number);
    out.append(text.data(), text.size());
  }
  void operator()(std::chrono::milliseconds time) const {
    (*this)(std::int64_t{time.count()});
    if (form == format::text) out.append("ms");
  }
  void operator()(in_seconds waited) const {
    if (form == format::json) return (*this)(waited.time);
    fmt::format_to(std::back_inserter(out), "{:.3f}s",
                   std::chrono::duration<double>(waited.time).count());
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

std::string_view name_of(subject::kind is) {
  return is == subject::kind::task ? "task" : "stream";
}

void append_event(std::string& line, format form, const subject& about, std::string_view event) {
  const bool has_subject = about.is != subject::kind::none;
  if (form == format::json) {
    line.append("\"event\":");
    const auto name = has_subject ? fmt::format("{} {}", name_of(about.is), event) : std::string();
    append_quoted(line, cut(has_subject ? name : event));
    if (has_subject) line.append(",\"task\":\"").append(about.id.to_string()).push_back('"');
    return;
  }
  if (has_subject) {
    line.append(about.is == subject::kind::task ? "[Task " : "[Stream ");
    line.append(about.id.to_string()).append("] ");
  }
  append_word(line, cut(event), true);
}

/// `name=value`, `name: 0.234s`, `"name":value` or `"name_ms":value`.
void append_field(std::string& line, format form, const field& one) {
  const auto* const duration = std::get_if<std::chrono::milliseconds>(&one.value);
  const auto* const waited = std::get_if<in_seconds>(&one.value);
  if (form == format::json) {
    std::string name(one.name);
    if (waited != nullptr)
      std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
    if (duration != nullptr || waited != nullptr) name += "_ms";
    line.push_back(',');
    append_quoted(line, name);
    line.push_back(':');
  } else {
    line.push_back(' ');
    append_word(line, one.name, false);
    line.append(waited != nullptr ? ": " : "=");
  }
  std::visit(append_value{line, form}, one.value);
}

std::string format_event(format form, const subject& about, std::string_view event,
                         std::initializer_list<field> fields) {
  std::string line;
  line.reserve(line_bytes_usual);
  append_event(line, form, about, event);
  bool truncated = false;
  for (const auto& one : fields) {
    const std::size_t before = line.size();
    append_field(line, form, one);
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
  flush(std::chrono::milliseconds(100));
  current() = std::make_unique<configuration>(how, descriptor);
  lowest_level.store(lowest, std::memory_order_relaxed);
}

bool enabled(level at) noexcept {
  return at != level::off && at >= lowest_level.load(std::memory_order_relaxed);
}

void write(level at, subject about, std::string_view event, std::initializer_list<field> fields) {
  const auto& configured = *current();
  const std::string line = format_event(configured.form, about, event, fields);
  configured.logger->log(to_spdlog(at), spdlog::string_view_t(line.data(), line.size()));
}

bool flush(std::chrono::milliseconds patience) noexcept {
  return current()->sink->flush_within(patience);
}

}  // namespace throughline::log
