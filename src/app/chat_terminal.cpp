#include "app/chat_terminal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace throughline::app {
namespace {

constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view normal = "\x1b[0m";
constexpr std::size_t input_bytes_max = 4 * 1024 * 1024;

volatile std::sig_atomic_t interrupt_count = 0;

void count_interrupt(int) {
  interrupt_count = interrupt_count + 1;
}

/// Waits until there is something to read, the end included; false: Ctrl-C came. The signal is let
/// in only by the wait itself, so none is lost between the look at the count and the wait.
bool wait_for_input() {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &interrupt, &before);
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  bool waits = true;
  while (waits && interrupts::count() == 0) {
    waits = ::ppoll(&input, 1, nullptr, &before) < 0 && errno == EINTR;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return interrupts::count() == 0;
}

std::string_view words_for(std::string_view reason) {
  if (reason == "worker_lost") return "the process that wrote it died";
  if (reason == "provider_failed") return "the model failed";
  if (reason == "resumed_from_store") return "it is read from the database";
  return "it is sent again";
}

}  // namespace

void answer_printer::take(const answer_event& event) {
  if (const auto* text = std::get_if<answer_text>(&event)) {
    show(*text);
  } else if (const auto* reset = std::get_if<answer_reset>(&event)) {
    held_back_.clear();
    end_reasoning();
    if (!at_line_start_) write("\n");
    note(fmt::format("{}the answer begins again: {}",
                     std::exchange(has_shown_, false) ? "what stands above is void, " : "",
                     words_for(reset->reason)));
  } else if (const auto* end = std::get_if<answer_end>(&event)) {
    end_reasoning();
    if (!at_line_start_ && style_ != style::only_text) write("\n");
    if (end->status == "cancelled") note("stopped");
    if (end->finish_reason == "length") note("the answer reached its limit");
  }
}

void answer_printer::tell(std::string_view what) {
  if (style_ == style::only_text) return;
  end_reasoning();
  if (!at_line_start_) write("\n");
  note(what);
}

void answer_printer::show(const answer_text& text) {
  if (style_ == style::only_text) {
    if (!text.is_reasoning) held_back_ += text.text;
    return;
  }
  if (text.is_reasoning && !in_reasoning_) {
    in_reasoning_ = true;
    write(style_ == style::live_coloured ? dim : std::string_view("(thinking) "));
  } else if (!text.is_reasoning) {
    end_reasoning();
  }
  write(without_controls(text.text));
  has_shown_ = true;
}

void answer_printer::end_reasoning() {
  if (!in_reasoning_) return;
  in_reasoning_ = false;
  if (style_ == style::live_coloured) out_(normal);
  write(at_line_start_ ? "\n" : "\n\n");
}

void answer_printer::note(std::string_view text) {
  if (style_ == style::only_text) return;
  if (style_ == style::live_coloured) {
    out_(fmt::format("{}[{}]{}\n", dim, text, normal));
  } else {
    out_(fmt::format("[{}]\n", text));
  }
}

void answer_printer::write(std::string_view text) {
  if (text.empty()) return;
  at_line_start_ = text.back() == '\n';
  out_(text);
}

void answer_printer::finish() {
  if (style_ == style::only_text) {
    if (!held_back_.empty()) write(held_back_);
    held_back_.clear();
  }
  end_reasoning();
  if (!at_line_start_) write("\n");
}

line_reader::result line_reader::next() {
  std::string line;
  while (true) {
    const auto end = buffer_.find('\n');
    if (end != std::string::npos) {
      line += buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      if (!line.ends_with('\\')) return {.is = outcome::line, .text = std::move(line)};
      line.back() = '\n';
      continue;
    }
    if (!wait_for_input()) return {.is = outcome::interrupted, .text = {}};
    std::array<char, 4096> bytes{};
    const auto count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || buffer_.size() > input_bytes_max) {
      line += std::exchange(buffer_, {});
      return {.is = line.empty() ? outcome::end : outcome::line, .text = std::move(line)};
    }
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

line_reader::result line_reader::rest() {
  std::array<char, 65536> bytes{};
  while (buffer_.size() <= input_bytes_max) {
    if (!wait_for_input()) return {.is = outcome::interrupted, .text = {}};
    const auto count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return {.is = outcome::line, .text = std::exchange(buffer_, {})};
}

interrupts::interrupts() {
  forget();
  // Without SA_RESTART: a wait for input ends.
  struct sigaction action{};
  action.sa_handler = count_interrupt;
  sigaction(SIGINT, &action, nullptr);
}

interrupts::~interrupts() {
  std::signal(SIGINT, SIG_DFL);
}

int interrupts::count() noexcept {
  return interrupt_count;
}
void interrupts::forget() noexcept {
  interrupt_count = 0;
}

}  // namespace throughline::app
