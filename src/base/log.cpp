#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/json.hpp"

namespace throughline::log {
namespace {

std::atomic<level> lowest_level{level::info};
std::atomic<format> line_format{format::text};

spdlog::logger& sink() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("throughline", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string_view name_of(level at) noexcept {
  switch (at) {
    case level::debug: return "debug";
    case level::info: return "info";
    case level::warning: return "warning";
    case level::error: return "error";
    case level::off: break;
  }
  return "off";
}

void append_value(std::string& out, const field& one, bool is_quoted) {
  if (const auto* text = std::get_if<std::string>(&one.value)) {
    if (is_quoted || text->empty() || text->find_first_of(" \"=\\") != std::string::npos ||
        std::any_of(text->begin(), text->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
      append_json_string(out, *text);
    } else {
      out += *text;
    }
  } else if (const auto* number = std::get_if<std::int64_t>(&one.value)) {
    fmt::format_to(std::back_inserter(out), "{}", *number);
  } else if (const auto* real = std::get_if<double>(&one.value)) {
    fmt::format_to(std::back_inserter(out), "{}", *real);
  } else {
    out += std::get<bool>(one.value) ? "true" : "false";
  }
}

std::string text_line(level at, std::string_view event, std::initializer_list<field> fields) {
  std::string out = fmt::format("{} {:<7} {}", format_rfc3339(system_clock().wall_now()), name_of(at), event);
  for (const auto& one : fields) {
    fmt::format_to(std::back_inserter(out), " {}=", one.name);
    append_value(out, one, false);
  }
  return out;
}

std::string json_line(level at, std::string_view event, std::initializer_list<field> fields) {
  std::string out = fmt::format("{{\"ts\":\"{}\",\"level\":\"{}\",\"event\":",
                                format_rfc3339(system_clock().wall_now()), name_of(at));
  append_json_string(out, event);
  for (const auto& one : fields) {
    out += ',';
    append_json_string(out, one.name);
    out += ':';
    append_value(out, one, true);
  }
  out += '}';
  return out;
}

}  // namespace

void configure(level lowest, format how) {
  lowest_level.store(lowest, std::memory_order_relaxed);
  line_format.store(how, std::memory_order_relaxed);
}

bool enabled(level at) noexcept { return at >= lowest_level.load(std::memory_order_relaxed); }

void write(level at, std::string_view event, std::initializer_list<field> fields) {
  const bool is_json = line_format.load(std::memory_order_relaxed) == format::json;
  sink().log(spdlog::level::info, is_json ? json_line(at, event, fields) : text_line(at, event, fields));
}

}  // namespace throughline::log
