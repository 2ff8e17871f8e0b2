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
#include "app/chat_server.hpp"
#include "app/chat_terminal.hpp"
#include "app/text_values.hpp"
#include "base/id.hpp"

namespace throughline::app {
namespace {

constexpr int usage_status = 2;
constexpr int interrupted_status = 130;
constexpr int post_tries = 3;
constexpr int stream_failures_max = 40;

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}
void complain(std::string_view text) {
  std::fputs(fmt::format("throughline: {}\n", text).c_str(), stderr);
}

enum class shown : std::uint8_t { completed, failed, abandoned };

class chat {
 public:
  chat(const chat_options& options, server_place place)
      : options_(options),
        place_(std::move(place)),
        http_(place_.url, place_.token),
        canceller_(place_.url, place_.token),
        conversation_(options.conversation),
        reads_terminal_(isatty(STDIN_FILENO) == 1),
        style_(choose_style()) {}

  int run() {
    if (!conversation_.empty() && !conversation_id::parse(conversation_)) {
      complain(fmt::format("\"{}\" is no id of a conversation", conversation_));
      return usage_status;
    }
    if (!reach_server()) return is_interrupted() ? interrupted_status : 1;
    if (!conversation_.empty()) {
      const auto found = call("GET", "/conversations/" + conversation_);
      if (!found.is_success()) return fail(found);
    }
    if (options_.resume) {
      const int status = resume();
      if (status == interrupted_status || !reads_terminal_) return status;
    }
    return reads_terminal_ ? talk() : answer_pipe();
  }

 private:
  answer_printer::style choose_style() const {
    if (isatty(STDOUT_FILENO) != 1) return answer_printer::style::only_text;
    const char* const no_colour = std::getenv("NO_COLOR");
    const bool is_plain = no_colour != nullptr && *no_colour != '\0';
    return is_plain ? answer_printer::style::live_plain : answer_printer::style::live_coloured;
  }

  static bool is_interrupted() { return interrupts::count() > 0; }

  static int fail(const chat_reply& reply) {
    if (is_interrupted()) return interrupted_status;
    complain(reply.problem);
    return 1;
  }

  /// Ctrl-C ends it.
  chat_reply call(const char* verb, const std::string& path, const std::string& body = {},
                  const std::string& key = {}) {
    return http_.call(verb, path, body, key, [] { return !is_interrupted(); });
  }

  bool reach_server() {
    const auto alive = call("GET", "/healthz");
    if (alive.is_success()) return true;
    if (is_interrupted()) return false;
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
      reply = call("POST", path, body, key);
      if (is_interrupted() || (reply.status != 0 && reply.status < 500)) return reply;
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
    if (!posted.is_success()) {
      if (is_interrupted()) {
        complain(
            "no longer waiting; if the question arrived, it is answered: throughline chat "
            "--resume");
      }
      return fail(posted), "";
    }
    return text_member(posted.body, "task_id");
  }

  /// Ctrl-C since the question was sent: the first stops the answer, the next one leaves it.
  bool mind_interrupts(const std::string& task, int& handled) {
    if (interrupts::count() == handled) return true;
    if (handled++ > 0) return false;
    const auto is_patient = [&] {
      return interrupts::count() == handled;
    };
    const auto stopped = canceller_.call("POST", "/tasks/" + task + "/cancel", "", "", is_patient);
    if (!stopped.is_success() && is_patient()) {
      complain("the answer could not be stopped: " + stopped.problem);
    }
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
        // The first one is nothing to speak of: streams are also closed when a server restarts.
        if (failures == 2) printer.tell("the server is away, trying again");
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
    if (!end.is_error) return judge(end);
    complain(fmt::format("the answer failed: {}{}", end.message,
                         end.retryable ? " (asking again may help)" : ""));
    return shown::failed;
  }

  /// A script must not take a part of an answer for all of it. In a terminal the note above says
  /// the same.
  shown judge(const answer_end& end) const {
    const bool is_stopped = end.status == "cancelled";
    if (!is_stopped && end.finish_reason != "length") return shown::completed;
    if (style_ == answer_printer::style::only_text) {
      complain(is_stopped ? "the answer was stopped; this is its first part"
                          : "the answer reached its limit; this is its first part");
    }
    return shown::failed;
  }

  static int status_of(shown how) {
    if (how == shown::abandoned) return interrupted_status;
    return how == shown::completed ? 0 : 1;
  }

  int answer_pipe() {
    line_reader input;
    const auto all = input.rest();
    if (all.is == line_reader::outcome::interrupted) return interrupted_status;
    const auto question = std::string(trim(all.text));
    if (question.empty()) {
      complain("nothing was asked: standard input is empty");
      return usage_status;
    }
    const auto task = ask(question);
    if (task.empty()) return is_interrupted() ? interrupted_status : 1;
    return status_of(show(task));
  }

  int talk() {
    greet();
    line_reader input;
    while (true) {
      std::fputs("\n> ", stderr);
      std::fflush(stderr);
      const auto line = input.next();
      if (line.is != line_reader::outcome::line) break;
      const auto question = std::string(trim(line.text));
      if (question.empty()) continue;
      std::fputs("\n", stderr);
      const auto task = ask(question);
      if (!task.empty() && show(task) == shown::abandoned) return interrupted_status;
      interrupts::forget();
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
    const auto models = call("GET", "/models");
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
    const auto reply = call("GET", "/active-streams");
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
      const auto about = call("GET", "/conversations/" + running[i].conversation);
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
  return chat(options, find_server(options.url, options.data_dir)).run();
}

}  // namespace throughline::app
