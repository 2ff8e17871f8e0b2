// The run of a load test: one thread, one epoll, and a list of what is to be done when.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <deque>
#include <numbers>
#include <queue>
#include <system_error>

#include "base/descriptors.hpp"
#include "load/load_client.hpp"
#include "load/load_plan.hpp"
#include "load/poller.hpp"

namespace throughline::load {
namespace {

using phase = load_client::phase;
using step = response_reader::step;

constexpr std::int64_t millisecond_ns = 1'000'000;
constexpr std::int64_t second_ns = 1'000 * millisecond_ns;
constexpr std::int64_t retry_after_ns = 20 * millisecond_ns;
constexpr std::int64_t progress_every_ns = second_ns / 2;
constexpr std::int64_t settle_ns = second_ns / 2;  // until memory is looked at
constexpr std::int64_t idle_at_once = 200;         // event streams that are being opened
constexpr int asked_in_a_row_max = 8;              // first requests on new connections
constexpr std::int64_t descriptors_for_others = 50;
constexpr std::size_t id_bytes = 36;
constexpr std::uint32_t no_conversation = UINT32_MAX;

std::int64_t ns(milliseconds time) {
  return std::chrono::nanoseconds(time).count();
}

cost cost_between(const process_stats& before, const process_stats& after) {
  return {after.cpu_s - before.cpu_s, after.cpu_user_s - before.cpu_user_s,
          after.cpu_system_s - before.cpu_system_s};
}

void see_to_descriptors(std::int64_t connections) {
  const auto limit = raise_descriptor_limit();
  const auto wanted = static_cast<std::size_t>(connections + descriptors_for_others);
  if (limit.now == 0 || limit.now >= wanted) return;
  throw std::system_error(
      EMFILE, std::generic_category(),
      fmt::format("{} connections are wanted, and this process may open {} files (ulimit -n)",
                  connections, limit.now));
}

class load_run {
 public:
  load_run(const load_plan& plan, const progress_callback& tell) : plan_(plan), tell_(tell) {}

  load_outcome run() {
    see_to_descriptors(plan_.conversations * std::max<std::int64_t>(1, plan_.subscribers) +
                       plan_.idle);
    if (plan_.server) out_.server_resident_before = resident_now();
    started_ns_ = now_ns();
    open_idle();
    const auto server_before = stats_of(plan_.server);
    const auto model_before = stats_of(plan_.mock_model);
    const auto own_before = stats_of(::getpid());
    started_ns_ = heard_ns_ = now_ns();
    schedule();
    while (!is_over()) turn(next_due());
    out_.seconds = static_cast<double>(now_ns() - started_ns_) * 1e-9;
    if (const auto after = stats_of(plan_.server); server_before && after) {
      out_.server_cost = cost_between(*server_before, *after);
      out_.server_resident_after = after->resident_bytes;
      out_.server_resident_most = after->resident_bytes_most;
    }
    if (const auto after = stats_of(plan_.mock_model); model_before && after) {
      out_.mock_model_cost = cost_between(*model_before, *after);
    }
    if (const auto after = stats_of(::getpid()); own_before && after) {
      out_.own_cost = cost_between(*own_before, *after);
    }
    finish();
    return std::move(out_);
  }

 private:
  enum class deed : std::uint8_t { post, cut, come_back, retry, sample };
  struct due {
    std::int64_t at_ns;
    deed what;
    std::uint32_t number;
    bool operator>(const due& other) const { return at_ns > other.at_ns; }
  };
  struct conversation {
    std::string task;
    std::int64_t posted_ns = 0;
  };

  static std::optional<process_stats> stats_of(std::optional<pid_t> process) {
    return process ? read_process_stats(*process) : std::nullopt;
  }
  [[nodiscard]] std::int64_t resident_now() const {
    const auto stats = stats_of(plan_.server);
    return stats ? stats->resident_bytes : 0;
  }

  // --- what is to be done when ---------------------------------------------------------------

  void schedule() {
    conversations_.resize(static_cast<std::size_t>(plan_.conversations));
    const auto spread = static_cast<double>(ns(plan_.start_within));
    for (std::int64_t i = 0; i < plan_.conversations; ++i) {
      // Not on a grid: whole groups of answers would get their chunks at the same moment wherever
      // the grid fits into the pace. These fractions lie as far from each other as can be.
      const double within = std::fmod(static_cast<double>(i) * std::numbers::phi, 1.0);
      const auto share =
          (static_cast<double>(i) + within) / static_cast<double>(plan_.conversations);
      add(started_ns_ + static_cast<std::int64_t>(spread * share), deed::post, i);
    }
    for (const auto cut : plan_.cuts) add(started_ns_ + ns(cut), deed::cut, 0);
    if (plan_.server) add(started_ns_, deed::sample, 0);
    next_progress_ns_ = started_ns_ + progress_every_ns;
  }
  void add(std::int64_t at_ns, deed what, std::int64_t number) {
    due_.push({at_ns, what, static_cast<std::uint32_t>(number)});
  }
  [[nodiscard]] std::int64_t next_due() const {
    return due_.empty() ? next_progress_ns_ : std::min(due_.top().at_ns, next_progress_ns_);
  }
  [[nodiscard]] bool is_over() {
    const auto now = now_ns();
    const bool is_done = conversations_open_ == 0 && posts_begun_ == plan_.conversations &&
                         now >= started_ns_ + ns(plan_.hold);
    if (out_.interrupted) return true;
    const bool is_stuck =
        conversations_open_ > 0 && now > heard_ns_ + plan_.patience.count() * second_ns;
    return is_done || is_stuck;
  }

  void do_what_is_due() {
    const auto now = now_ns();
    while (!due_.empty() && due_.top().at_ns <= now) {
      const auto next = due_.top();
      due_.pop();
      switch (next.what) {
        case deed::post:
          begin_post(next.number);
          break;
        case deed::cut:
          cut_all(now);
          break;
        case deed::come_back:
          all_come_back();
          break;
        case deed::retry:
          if (clients_[next.number].now == phase::closed) open_stream(next.number);
          break;
        case deed::sample:
          take_sample(now);
          break;
      }
    }
    if (now >= next_progress_ns_) {
      next_progress_ns_ = now + progress_every_ns;
      tell_progress(now);
    }
  }

  void take_sample(std::int64_t now) {
    if (const auto stats = stats_of(plan_.server)) {
      out_.samples.push_back(
          {(now - started_ns_) / millisecond_ns, stats->resident_bytes, stats->descriptors});
    }
    add(now + second_ns, deed::sample, 0);
  }

  void tell_progress(std::int64_t now) {
    if (!tell_) return;
    load_progress progress;
    progress.seconds = static_cast<double>(now - started_ns_) * 1e-9;
    progress.posts = out_.posts;
    progress.reading = conversations_open_;
    progress.ended = out_.readers_ended;
    progress.chunks = out_.chunks;
    progress.idle = out_.idle_opened;
    progress.delivery_p50_ns = out_.delivery.quantile(0.5);
    progress.delivery_p99_ns = out_.delivery.quantile(0.99);
    out_.interrupted = !tell_(progress);
  }

  /// Waits, reads what came, and does what is due.
  void turn(std::int64_t until_ns) {
    const auto wait_until_ns = to_ask_.empty() ? until_ns : 0;
    for (const auto& event : poller_.wait(wait_until_ns)) handle(event.data.u32, event.events);
    ask_some();
    do_what_is_due();
  }

  /// Where a thousand connect at once, the requests go out a few at a time and what has come is
  /// read in between: an answer that lies in a socket while others ask would count as late.
  void ask_some() {
    for (int i = 0; i < asked_in_a_row_max && !to_ask_.empty(); ++i) {
      const auto number = to_ask_.front();
      to_ask_.pop_front();
      if (clients_[number].now == phase::connecting && !clients_[number].send_now()) broke(number);
    }
  }

  // --- connections -----------------------------------------------------------------------------

  std::uint32_t add_client(std::uint32_t conversation) {
    const auto number = static_cast<std::uint32_t>(clients_.size());
    auto& added = clients_.emplace_back();
    added.conversation = conversation;
    added.turns = number;  // neighbours go to different servers
    return number;
  }

  /// Whoever comes back comes back to another one.
  [[nodiscard]] const endpoint& next_server_of(const load_client& who) const {
    return plan_.servers[who.turns % plan_.servers.size()];
  }

  void connect(std::uint32_t number, std::string_view method_and_target, std::string_view more,
               std::string_view body = {}) {
    auto& who = clients_[number];
    const auto& to = next_server_of(who);
    who.ask(request(to, method_and_target, more, body));
    who.connect(to);
    poller_.watch(who.descriptor(), number);
  }

  static std::string request(const endpoint& to, std::string_view method_and_target,
                             std::string_view more, std::string_view body) {
    return fmt::format("{} HTTP/1.1\r\nHost: {}\r\n{}{}\r\n{}", method_and_target, to.authority,
                       to.authorization, more, body);
  }

  void ask_on_connection(std::uint32_t number, std::string text) {
    auto& who = clients_[number];
    who.ask(std::move(text));
    if (!who.send_now()) return broke(number);
  }

  void handle(std::uint32_t number, std::uint32_t events) {
    auto& who = clients_[number];
    if (who.now == phase::closed) return;
    if ((events & EPOLLOUT) != 0) {
      if (who.now == phase::connecting) {
        to_ask_.push_back(number);
      } else if (who.has_unsent() && !who.send_now()) {
        return broke(number);
      }
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    // A full buffer may have left something, of which no further event tells.
    while (receive(number) == buffer_.size()) {
      if (who.now == phase::closed) return;
    }
  }

  /// Returns how much came.
  std::size_t receive(std::uint32_t number) {
    auto& who = clients_[number];
    const auto size = ::recv(who.descriptor(), buffer_.data(), buffer_.size(), 0);
    const auto received = now_ns();
    if (size < 0 && errno == EAGAIN) return 0;
    if (size <= 0) {
      broke(number);
      return 0;
    }
    out_.bytes += size;
    take(number, received, static_cast<std::size_t>(size));
    return static_cast<std::size_t>(size);
  }

  /// What lies in the buffer.
  void take(std::uint32_t number, std::int64_t received, std::size_t size) {
    auto& who = clients_[number];
    std::string_view bytes(buffer_.data(), size);
    while (true) {
      switch (who.response.next(bytes)) {
        case step::needs_more:
          return;
        case step::head:
          who.now = phase::receiving;
          if (!has_good_head(number)) return;
          break;
        case step::body:
          take_body(who, received);
          break;
        case step::end:
          return response_ended(number);
        case step::malformed:
          return broke(number);
      }
    }
  }

  // --- idle event streams --------------------------------------------------------------------

  void open_idle() {
    std::int64_t begun = 0;
    next_progress_ns_ = now_ns() + progress_every_ns;
    heard_ns_ = now_ns();
    while (out_.idle_opened < plan_.idle && !out_.interrupted &&
           now_ns() < heard_ns_ + plan_.patience.count() * second_ns) {
      while (begun < plan_.idle && begun - out_.idle_opened < idle_at_once) {
        connect(add_client(no_conversation), "GET /events", "Accept: text/event-stream\r\n");
        ++begun;
      }
      turn(next_progress_ns_);
    }
    if (plan_.idle == 0) return;
    const auto settled = now_ns() + settle_ns;
    while (now_ns() < settled) turn(std::min(settled, next_progress_ns_));
    out_.server_resident_idle = resident_now();
  }

  // --- posts -------------------------------------------------------------------------------------

  void begin_post(std::uint32_t conversation) {
    ++posts_begun_;
    ++conversations_open_;
    std::uint32_t number = 0;
    if (posters_.empty()) {
      number = add_client(conversation);
    } else {
      number = posters_.back();
      posters_.pop_back();
    }
    auto& who = clients_[number];
    who.conversation = conversation;
    const auto wish = fmt::format(
        R"({{\"mock\":{{\"key\":\"{}{}\",\"tokens\":{},\"pace_ms\":{},\"token_bytes\":{},)"
        R"(\"stamp\":true,\"keep_text\":false}}}})",
        plan_.key, conversation, plan_.chunks, plan_.pace.count(), plan_.token_bytes);
    const auto model = plan_.model.empty() ? "" : fmt::format(R"(,"model":"{}")", plan_.model);
    const auto body = fmt::format(R"({{"content":"{}"{}}})", wish, model);
    const auto more =
        fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    if (who.now == phase::idle) {
      ask_on_connection(number, request(who.server(), "POST /chat/messages", more, body));
    } else {
      connect(number, "POST /chat/messages", more, body);
    }
  }

  /// A reply of which only the whole is of use, or an answer; anything else ends the client.
  bool has_good_head(std::uint32_t number) {
    auto& who = clients_[number];
    const int status = who.response.status();
    if (who.conversation == no_conversation) {
      if (status == 200) {
        ++out_.idle_opened;
        heard_ns_ = now_ns();
        return true;
      }
      who.close();
      return false;
    }
    if (is_post(who)) return true;
    if (status == 200) return true;
    if (status == 204) {  // nothing follows what it has
      reader_over(number, who.check.has_ended());
    } else {
      broke(number);
    }
    return false;
  }

  [[nodiscard]] bool is_post(const load_client& who) const {
    return who.conversation != no_conversation && conversations_[who.conversation].task.empty();
  }

  void take_body(load_client& who, std::int64_t received) {
    if (who.conversation == no_conversation) return;
    if (is_post(who)) {
      who.body += who.response.body();
      return;
    }
    who.frames.feed(who.response.body());
    answer_frame frame;
    while (who.frames.next(frame)) {
      if (!who.check.see(frame)) continue;
      heard_ns_ = received;
      ++out_.chunks;
      if (who.awaits_missing) first_after_break(who, received);
      if (frame.type != answer_frame::kind::content) continue;
      for_each_stamp(frame.text, [&](std::int64_t sent) { note_delivery(who, sent, received); });
      if (!std::exchange(who.has_first, true)) {
        out_.first_chunk.record(received - conversations_[who.conversation].posted_ns);
      }
    }
  }

  void note_delivery(const load_client& who, std::int64_t sent, std::int64_t received) {
    // What was sent while the reader was away was late because of that.
    if (sent >= who.asked_ns) out_.delivery.record(received - sent);
  }

  void first_after_break(load_client& who, std::int64_t received) {
    who.awaits_missing = false;
    if (who.broken_ns != 0) {
      out_.outage.record(received - std::exchange(who.broken_ns, 0));
    } else {
      out_.resume.record(received - who.asked_ns);
      out_.reconnect.record(received - who.connect_ns);
    }
  }

  void response_ended(std::uint32_t number) {
    auto& who = clients_[number];
    if (who.conversation == no_conversation) return broke(number);  // it has no end
    if (is_post(who)) return posted(number);
    if (who.check.has_ended()) return reader_over(number, true);
    broke(number);  // a server that goes down ends its streams and asks to come back
  }

  void posted(std::uint32_t number) {
    auto& who = clients_[number];
    auto& on = conversations_[who.conversation];
    const auto body = std::exchange(who.body, {});
    constexpr std::string_view field = R"("task_id":")";
    const auto at = body.find(field);
    if (who.response.status() != 202 || at == std::string::npos) {
      ++out_.posts_refused;
      if (out_.refusal.empty()) out_.refusal = fmt::format("{}: {}", who.response.status(), body);
      --conversations_open_;
      who.close();
      return;
    }
    heard_ns_ = now_ns();
    out_.post.record(heard_ns_ - who.asked_ns);
    ++out_.posts;
    on.posted_ns = who.asked_ns;
    on.task = body.substr(at + field.size(), id_bytes);
    const bool closes = who.response.closes();
    who.now = phase::idle;
    who.response = {};
    if (closes) who.close();
    if (plan_.subscribers == 0) {
      --conversations_open_;
      if (!closes) posters_.push_back(number);
      return;
    }
    readers_left_.resize(conversations_.size());
    readers_left_[who.conversation] = static_cast<std::uint32_t>(plan_.subscribers);
    const auto conversation = who.conversation;
    open_stream(number);
    for (std::int64_t i = 1; i < plan_.subscribers; ++i) open_stream(add_client(conversation));
  }

  // --- readers -----------------------------------------------------------------------------------

  void open_stream(std::uint32_t number) {
    auto& who = clients_[number];
    const auto target = fmt::format("GET /stream/{}", conversations_[who.conversation].task);
    auto more = std::string("Accept: text/event-stream\r\n");
    if (!who.check.position().empty()) {
      more += fmt::format("Last-Event-ID: {}\r\n", who.check.position());
    }
    if (who.now == phase::idle) {
      ask_on_connection(number, request(who.server(), target, more, {}));
    } else {
      connect(number, target, more);
    }
  }

  void reader_over(std::uint32_t number, bool has_ended) {
    auto& who = clients_[number];
    who.close();
    who.is_over = true;
    ++(has_ended ? out_.readers_ended : out_.readers_broken);
    if (--readers_left_[who.conversation] == 0) --conversations_open_;
  }

  /// The connection is no use any more, and nobody meant that.
  void broke(std::uint32_t number) {
    auto& who = clients_[number];
    const bool had_begun = who.now == phase::receiving;
    who.close();
    if (who.conversation == no_conversation) {
      if (had_begun) ++out_.idle_dropped;
      return;
    }
    if (who.is_over) return;
    if (is_post(who)) {
      ++out_.posts_refused;
      if (out_.refusal.empty()) out_.refusal = "the connection broke";
      --conversations_open_;
      return;
    }
    if (plan_.subscribers == 0) {
      std::erase(posters_, number);
      return;
    }
    if (who.check.has_ended()) return reader_over(number, true);
    who.awaits_missing = true;
    if (who.broken_ns == 0) {
      ++out_.reconnects;
      who.broken_ns = now_ns();
    }
    add(now_ns() + retry_after_ns, deed::retry, number);
  }

  void cut_all(std::int64_t now) {
    for (std::uint32_t i = 0; i < clients_.size(); ++i) {
      auto& who = clients_[i];
      const bool reads = who.conversation != no_conversation && !who.is_over && !is_post(who);
      if (!reads || who.now == phase::closed || who.check.position().empty()) continue;
      who.close();
      who.awaits_missing = true;
      cut_.push_back(i);
    }
    add(now + ns(plan_.cut_for), deed::come_back, 0);
  }

  void all_come_back() {
    for (const auto number : cut_) open_stream(number);
    cut_.clear();
  }

  void finish() {
    for (auto& who : clients_) {
      who.close();
      if (who.conversation == no_conversation || is_post(who) || plan_.subscribers == 0) continue;
      if (!who.is_over) ++out_.readers_broken;
      const auto& seen = who.check;
      out_.lost += seen.lost();
      out_.repeated += seen.repeated();
      out_.out_of_order += seen.out_of_order();
      out_.restarts += seen.restarts();
      if (seen.has_failed()) ++out_.readers_failed;
      out_.texts.push_back({fmt::format("{}{}", plan_.key, who.conversation), seen.text()});
    }
    out_.readers = static_cast<std::int64_t>(out_.texts.size());
  }

  const load_plan& plan_;
  const progress_callback& tell_;
  poller poller_;
  load_outcome out_;
  std::priority_queue<due, std::vector<due>, std::greater<>> due_;
  std::deque<load_client> clients_;  // never moved: references stay good while others are added
  std::vector<conversation> conversations_;
  std::vector<std::uint32_t> readers_left_;
  std::vector<std::uint32_t> posters_;  // connected, with nothing to do
  std::vector<std::uint32_t> cut_;
  std::deque<std::uint32_t> to_ask_;  // connected, with a request that is not sent yet
  std::int64_t conversations_open_ = 0;
  std::int64_t posts_begun_ = 0;
  std::int64_t started_ns_ = 0;
  std::int64_t heard_ns_ = 0;
  std::int64_t next_progress_ns_ = 0;
  std::array<char, 65536> buffer_{};
};

}  // namespace

load_outcome run_load(const load_plan& plan, const progress_callback& tell) {
  // On the heap: it holds the receive buffer and the histograms.
  return std::make_unique<load_run>(plan, tell)->run();
}

}  // namespace throughline::load
