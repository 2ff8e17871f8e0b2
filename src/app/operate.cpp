#include "app/operate.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <vector>

#include "app/chat_http.hpp"
#include "app/chat_server.hpp"
#include "app/operate_tables.hpp"
#include "app/text_values.hpp"

namespace throughline::app {
namespace {

constexpr int usage_status = 2;

void complain(std::string_view text) {
  std::fputs(fmt::format("throughline: {}\n", text).c_str(), stderr);
}

/// `text` as one segment of a path.
std::string as_segment(std::string_view text) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// 0: it is not a terminal, and lines may be as long as they are.
std::size_t terminal_width() {
  winsize size{};
  if (isatty(STDOUT_FILENO) != 1) return 0;
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/// One call to the server, and what is printed of its reply.
class operation {
 public:
  explicit operation(const operate_options& options)
      : options_(options),
        place_(find_server(options.url, options.data_dir)),
        http_(place_.url, place_.token) {}

  int run(const char* verb, const std::string& path,
          const std::function<std::string(const json::object&, std::size_t width)>& show) {
    const auto patient = [] {
      return true;
    };
    const auto alive = http_.call("GET", "/healthz", "", "", patient);
    if (!alive.is_success()) return fail_to_reach(alive);
    const auto reply = http_.call(verb, path, "", "", patient);
    if (!reply.is_success()) return fail(reply.problem);
    const auto text =
        options_.json ? json::serialize(reply.body) + "\n" : show(reply.body, terminal_width());
    std::fputs(text.c_str(), stdout);
    if (!options_.json && !text_member(reply.body, "next_cursor").empty())
      complain(fmt::format("there are more than these {} (--limit, at most 200)", options_.limit));
    return std::fflush(stdout) == 0 ? 0 : 1;
  }

 private:
  static int fail(std::string_view why) {
    complain(why);
    return 1;
  }
  [[nodiscard]] int fail_to_reach(const chat_reply& reply) const {
    if (reply.status != 0)
      return fail(fmt::format("{} is no Throughline server: {}", place_.url, reply.problem));
    return fail(
        fmt::format("no server answers at {} ({})\nStart one in another terminal:\n\n  {}\n",
                    place_.url, reply.problem, place_.how_to_start));
  }

  const operate_options& options_;
  server_place place_;
  chat_http http_;
};

struct view {
  std::string_view name;
  bool is_paged;
  std::string (*show)(const json::object& reply, std::size_t width);
};

constexpr std::array views{
    view{"workers", true, show_workers},     view{"queues", false, show_queues},
    view{"stats", false, show_stats},        view{"active", true, show_active},
    view{"scheduled", true, show_scheduled}, view{"failed", true, show_failed}};

/// Says what else could have been meant.
int misuse(std::string_view command, std::string_view sentence, const std::string& typed,
           std::vector<std::string> known) {
  const auto hint = typed.empty() ? std::string() : suggestion(typed, known);
  complain(fmt::format("{}{}\nTry `throughline {} --help`.", sentence, hint, command));
  return usage_status;
}

std::string one_of(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// What `command` does to its subject; nothing (and said why) for anything else.
bool is_usable(std::string_view command, const operate_options& options,
               const std::vector<std::string>& known, std::string_view subject) {
  if (std::ranges::find(known, options.what) == known.end()) {
    misuse(command,
           options.what.empty()
               ? fmt::format("{} what? One of {}", command, one_of(known))
               : fmt::format("{} cannot \"{}\"; it can {}", command, options.what, one_of(known)),
           options.what, known);
    return false;
  }
  if (!options.subject.empty()) return true;
  misuse(command, fmt::format("{} {} needs {}", command, options.what, subject), {}, {});
  return false;
}

std::string path_to(std::string_view kind, const operate_options& options) {
  return fmt::format("/admin/{}/{}/{}", kind, as_segment(options.subject), options.what);
}

}  // namespace

int run_inspect(const operate_options& options) {
  std::vector<std::string> known;
  for (const auto& one : views) known.emplace_back(one.name);
  known.emplace_back("task");
  if (options.what == "task") {
    if (options.subject.empty()) return misuse("inspect", "inspect task needs an id", {}, {});
    return operation(options).run("GET", "/admin/tasks/" + as_segment(options.subject), show_task);
  }
  const auto* const found = std::ranges::find(views, options.what, &view::name);
  if (found == views.end()) {
    return misuse("inspect",
                  options.what.empty() ? fmt::format("inspect what? One of {}", one_of(known))
                                       : fmt::format("there is no \"{}\" to inspect; there are {}",
                                                     options.what, one_of(known)),
                  options.what, known);
  }
  if (!options.subject.empty())
    return misuse("inspect", fmt::format("inspect {} takes no id", options.what), {}, {});
  auto path = fmt::format("/admin/{}", options.what);
  if (found->is_paged) path += fmt::format("?limit={}", options.limit);
  return operation(options).run("GET", path, found->show);
}

int run_task(const operate_options& options) {
  if (!is_usable("task", options, {"cancel", "retry"}, "the id of a task")) return usage_status;
  return operation(options).run("POST", path_to("tasks", options),
                                options.what == "cancel" ? show_cancelled : show_retried);
}

int run_queue(const operate_options& options) {
  if (!is_usable("queue", options, {"pause", "resume"}, "the name of a queue")) return usage_status;
  return operation(options).run("POST", path_to("queues", options), show_paused);
}

int run_worker(const operate_options& options) {
  if (!is_usable("worker", options, {"drain"}, "the id of a worker")) return usage_status;
  return operation(options).run("POST", path_to("workers", options), show_drained);
}

}  // namespace throughline::app
