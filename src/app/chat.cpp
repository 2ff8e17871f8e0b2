#include "app/chat.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "aio/backoff.hpp"
#include "app/answer_reader.hpp"
#include "app/chat_http.hpp"
#include "app/chat_terminal.hpp"
#include "app/run_file.hpp"
#include "app/setting_sources.hpp"
#include "app/text_values.hpp"
#include "base/id.hpp"

namespace throughline::app {
namespace {

constexpr int usage_status = 2;
constexpr int interrupted_status = 130;
constexpr int post_tries = 3;
constexpr int stream_failures_max = 40;
constexpr std::string_view default_url = "http://127.0.0.1:8080";

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}
void complain(std::string_view text) {
  std::fputs(fmt::format("throughline: {}\n", text).c_str(), stderr);
}

/// Where to talk to, and what to say if nobody is there.
struct server_place {
  std::string url;
  std::string how_to_start = "throughline serve";
};

server_place find_server(const chat_options& options) {
  std::map<std::string, std::vector<std::string>> flags;
  if (!options.data_dir.empty()) flags["data-dir"] = {options.data_dir};
  const auto from = process_sources(flags);
  std::vector<std::string>
      ignored;  // a server reports what is wrong with its configuration; a chat needs none of it
  const setting_sources sources(from, ignored);
  server_place place;
  if (!options.data_dir.empty()) place.how_to_start += " --data-dir " + options.data_dir;
  place.url = options.url;
  if (place.url.empty()) place.url = sources.variable("THROUGHLINE_URL").value_or("");
  if (place.url.empty()) {
    const auto running = find_running_server(load_configuration(from).values.data_dir);
    place.url = running ? running->url : std::string(default_url);
  }
  return place;
}

enum class shown : std::uint8_t { completed, failed, abandoned };

class chat {
 public:
  chat(const chat_options& options, server_place place)
      : options_(options),
        place_(std::move(place)),
        http_(place_.url),
        canceller_(place_.url),
        conversation_(options.conversation),
        reads_terminal_(isatty(STDIN_FILENO) == 1),
        style_(choose_style()) {}

  int run() {
    if (!conversation_.empty() && !conversation_id::parse(conversation_)) {
      complain(fmt::format("\"{}\" is no id of a conversation", conversation_));
      return usage_status;
    }
    if (!reach_server()) return 1;
    if (!conversation_.empty()) {
      const auto found = http_.call("GET", "/conversations/" + conversation_);
      if (!found.is_success()) return fail(found);
    }
    if (options_.resume) {
      const int status = resume();
      if (status != 0 || !reads_terminal_) return status;
    }
    return reads_terminal_ ? talk() : answer_pipe();
  }

 private:
  answer_printer::style choose_style() const {
    if (!reads_terminal_ || isatty(STDOUT_FILENO) != 1) return answer_printer::style::only_text;
    const char* const no_colour = std::getenv("NO_COLOR");
    const bool is_plain = no_colour != nullptr && *no_colour != '\0';
    return is_plain ? answer_printer::style::live_plain : answer_printer::style::live_coloured;
  }

  static int fail(const chat_reply& reply) {
    complain(reply.problem);
    return 1;
  }

  bool reach_server() {
    const auto alive = http_.call("GET", "/healthz");
    if (alive.is_success()) return true;
    if (alive.status == 0) {
      complain(fmt::format("no server answers at {} ({})\nStart one in another terminal:\n\n  {}\n",
                           place_.url, alive.problem, place_.how_to_start));
    } else {
      complain(fmt::format("{} is no Throughline server: {}", place_.url, alive.problem));
    }
    return false;
  }

  /// Retried with one key, so that a question is never asked twice.
  chat_reply post(const std::string& path, const std::string& body) {
    const auto key = uuid::generate().to_string();
    const aio::backoff pause;
    chat_reply reply;
    for (int i = 1; i <= post_tries; ++i) {
      reply = http_.call("POST", path, body, key);
      if (reply.status != 0 && reply.status < 500) return reply;
      if (i < post_tries) std::this_thread::sleep_for(pause.delay(i, system_random()));
    }
    return reply;
  }

  /// The id of the task that answers; empty (and said why) if the question was not taken.
  std::string ask(const std::string& question) {
    if (conversation_.empty()) {
      json::object fresh;
      if (!options_.model.empty()) fresh["model"] = options_.model;
      const auto made = post("/conversations", json::serialize(fresh));
      if (!made.is_success()) return fail(made), "";
      conversation_ = text_member(made.body, "id");
    }
    json::object body{{"content", question}};
    if (!options_.model.empty()) body["model"] = options_.model;
    const auto posted =
        post("/conversations/" + conversation_ + "/messages", json::serialize(body));
    if (!posted.is_success()) return fail(posted), "";
    return text_member(posted.body, "task_id");
  }

  /// Ctrl-C while an answer comes: the first stops the answer, the next one leaves it.
  bool mind_interrupts(const std::string& task, int& handled) {
    if (interrupts::count() == handled) return true;
    if (handled++ > 0) return false;
    const auto stopped = canceller_.call("POST", "/tasks/" + task + "/cancel");
    if (!stopped.is_success()) complain("the answer could not be stopped: " + stopped.problem);
    return true;
  }

  bool pause_before_reconnect(int failures, const std::string& task, int& handled) {
    const aio::backoff pause{.first = milliseconds(250), .most = milliseconds(5000)};
    const auto until = std::chrono::steady_clock::now() + pause.delay(failures, system_random());
    while (std::chrono::steady_clock::now() < until) {
      if (!mind_interrupts(task, handled)) return false;
      std::this_thread::sleep_for(milliseconds(20));
    }
    return true;
  }

  shown show(const std::string& task) {
    answer_reader reader;
    answer_printer printer(style_, print);
    answer_end end;
    int failures = 0;
    int handled = 0;
    interrupts::forget();
    const auto on_bytes = [&](std::string_view bytes) {
      for (const auto& event : reader.feed(bytes)) {
        failures = 0;
        printer.take(event);
        if (const auto* last = std::get_if<answer_end>(&event)) end = *last;
      }
    };
    bool stays = true;
    const auto on_idle = [&] {
      return stays = mind_interrupts(task, handled);
    };
    while (!reader.has_ended()) {
      reader.reconnect();
      const auto reply = http_.stream("/stream/" + task, reader.position(), on_bytes, on_idle);
      if (reader.has_ended() || reply.status == 204) break;
      const bool is_refused = reply.status >= 400 && reply.status < 500;
      if (stays && !is_refused && ++failures <= stream_failures_max) {
        stays = pause_before_reconnect(failures, task, handled);
      } else if (stays) {
        printer.finish();
        complain(is_refused ? reply.problem
                            : fmt::format("the server is away ({}); the answer goes on there: "
                                          "throughline chat --resume",
                                          reply.problem));
        return shown::failed;
      }
      if (!stays) {
        printer.finish();
        complain("left; the answer may still be written: throughline chat --resume");
        return shown::abandoned;
      }
    }
    printer.finish();
    interrupts::forget();
    if (!end.is_error) return shown::completed;
    complain(fmt::format("the answer failed: {}{}", end.message,
                         end.retryable ? " (asking again may help)" : ""));
    return shown::failed;
  }

  static int status_of(shown how) {
    if (how == shown::abandoned) return interrupted_status;
    return how == shown::completed ? 0 : 1;
  }

  int answer_pipe() {
    line_reader input;
    const auto text = input.rest();
    const auto question = std::string(trim(text));
    if (question.empty()) {
      complain("nothing was asked: standard input is empty");
      return usage_status;
    }
    const auto task = ask(question);
    return task.empty() ? 1 : status_of(show(task));
  }

  int talk() {
    greet();
    line_reader input;
    while (true) {
      interrupts::forget();
      std::fputs("\n> ", stderr);
      std::fflush(stderr);
      const auto line = input.next();
      if (line.is != line_reader::outcome::line) break;
      const auto question = std::string(trim(line.text));
      if (question.empty()) continue;
      std::fputs("\n", stderr);
      const auto task = ask(question);
      if (!task.empty() && show(task) == shown::abandoned) return interrupted_status;
    }
    std::fputs("\n", stderr);
    if (!conversation_.empty()) {
      std::fputs(
          fmt::format("To go on: throughline chat --conversation {}\n", conversation_).c_str(),
          stderr);
    }
    return 0;
  }

  void greet() {
    std::string model = options_.model;
    const auto models = http_.call("GET", "/models");
    if (const auto* list = models.body.if_contains("data");
        model.empty() && list != nullptr && list->is_array()) {
      for (const auto& one : list->get_array()) {
        if (!one.is_object()) continue;
        const auto* chosen = one.get_object().if_contains("default");
        if (chosen != nullptr && chosen->is_bool() && chosen->get_bool())
          model = text_member(one.get_object(), "id");
      }
    }
    std::fputs(
        fmt::format(
            "Throughline at {}{}. Ctrl-C stops an answer; Ctrl-C or Ctrl-D at the prompt leaves.\n",
            place_.url, model.empty() ? "" : ", model " + without_controls(model))
            .c_str(),
        stderr);
  }

  struct running_answer {
    std::string task;
    std::string conversation;
    std::string started_at;
  };

  int resume() {
    const auto reply = http_.call("GET", "/active-streams");
    if (!reply.is_success()) return fail(reply);
    std::vector<running_answer> running;
    if (const auto* list = reply.body.if_contains("data"); list != nullptr && list->is_array()) {
      for (const auto& one : list->get_array()) {
        if (!one.is_object()) continue;
        const auto& fields = one.get_object();
        running.push_back({.task = text_member(fields, "task_id"),
                           .conversation = text_member(fields, "conversation_id"),
                           .started_at = text_member(fields, "started_at")});
      }
    }
    if (!conversation_.empty()) {
      std::erase_if(running, [&](const auto& one) { return one.conversation != conversation_; });
    }
    std::ranges::sort(running, std::ranges::greater(), &running_answer::started_at);
    if (running.empty()) {
      complain("no answer is being written");
      return reads_terminal_ ? 0 : 1;
    }
    const auto* const chosen = choose(running);
    if (chosen == nullptr) return interrupted_status;
    conversation_ = chosen->conversation;
    return status_of(show(chosen->task));
  }

  /// The newest, unless somebody is there to be asked. nullptr: they left.
  const running_answer* choose(const std::vector<running_answer>& running) {
    if (running.size() == 1 || !reads_terminal_) return &running.front();
    std::fputs("Answers that are being written, newest first:\n", stderr);
    for (std::size_t i = 0; i < running.size() && i < 20; ++i) {
      const auto about = http_.call("GET", "/conversations/" + running[i].conversation);
      std::fputs(fmt::format("  {}  {}  {}\n", i + 1, running[i].started_at,
                             without_controls(text_member(about.body, "title")))
                     .c_str(),
                 stderr);
    }
    line_reader input;
    while (true) {
      std::fputs("Which one? [1] ", stderr);
      const auto line = input.next();
      if (line.is != line_reader::outcome::line) return nullptr;
      if (trim(line.text).empty()) return &running.front();
      const auto number = parse_count(line.text);
      if (number && *number >= 1 && static_cast<std::size_t>(*number) <= running.size()) {
        return &running[static_cast<std::size_t>(*number) - 1];
      }
    }
  }

  const chat_options& options_;
  server_place place_;
  chat_http http_;
  chat_http canceller_;
  std::string conversation_;
  bool reads_terminal_;
  answer_printer::style style_;
};

}  // namespace

int run_chat(const chat_options& options) {
  const interrupts counted;
  return chat(options, find_server(options)).run();
}

}  // namespace throughline::app
