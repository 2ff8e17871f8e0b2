#include "app/check.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>

#include "aio/event_loop.hpp"
#include "aio/task_group.hpp"
#include "app/chat_server.hpp"
#include "app/stream_watch.hpp"
#include "base/json.hpp"
#include "http/client.hpp"
#include "load/answer_check.hpp"

namespace throughline::app {
namespace {

using http::client_request;
using http::client_response_head;
using http::method;
using load::answer_frame;

constexpr milliseconds connect_timeout{5'000};
constexpr milliseconds reply_timeout{20'000};
constexpr milliseconds stream_timeout{90'000};
constexpr milliseconds poll_every{200};
constexpr milliseconds delay_max{1'000};  // of a chunk that nobody holds back
constexpr std::size_t body_bytes_max = 8 * 1024 * 1024;
constexpr std::int64_t cut_after_chunks = 5;
constexpr int long_poll_seconds = 5;

constexpr std::string_view unbuffer_advice =
    "Let the proxy pass text/event-stream on as it comes. nginx: `proxy_buffering off;` and "
    "`gzip off;` for this location (and no proxy_ignore_headers X-Accel-Buffering); Apache: "
    "`flushpackets=on` on the ProxyPass; a CDN or a virus scanner: exclude the path. Until then "
    "clients can use the long poll.";

struct reply {
  client_response_head head;
  std::string body;
};

/// A reader's way through the answer.
struct reading {
  load::answer_check check;
  client_response_head head;
  std::optional<std::int64_t> first_index;  // of the first chunk that came
  std::string failure;                      // empty: the stream ended with the answer
};

/// What a person is told about one part.
struct finding {
  std::string_view part;
  bool is_good = false;
  std::string what{};
  std::string advice{};
};

std::string text_of(const json::value& in, std::string_view pointer) {
  boost::system::error_code failure;
  const auto* const found = in.find_pointer(pointer, failure);
  if (failure || found == nullptr || !found->is_string()) return {};
  return {found->get_string().data(), found->get_string().size()};
}

json::value parsed(const std::string& body) {
  boost::system::error_code failure;
  auto value = json::parse(body, failure);
  return failure ? json::value() : value;
}

std::string header(const client_response_head& head, std::string_view name) {
  return std::string(head.headers.find(name).value_or(""));
}

class checking {
 public:
  checking(aio::event_loop& loop, const check_options& options, server_place place)
      : loop_(loop),
        options_(options),
        place_(std::move(place)),
        client_(http::make_http_client(loop)),
        group_(loop) {
    while (place_.url.ends_with('/')) place_.url.pop_back();
  }

  aio::awaitable<> run() {
    const bool is_there = co_await check_server();
    if (is_there) {
      const bool is_posted = co_await check_post();
      if (is_posted) co_await check_answer();
    }
    co_await group_.stop();
  }

  [[nodiscard]] int status() const { return failures_ == 0 ? 0 : 1; }

 private:
  void say(const finding& of) {
    std::fputs(fmt::format("{:<5}{:<11}{}\n", of.is_good ? "ok" : "FAIL", of.part, of.what).c_str(),
               stdout);
    if (!of.advice.empty()) std::fputs(fmt::format("{:16}{}\n", "", of.advice).c_str(), stdout);
    std::fflush(stdout);
    if (!of.is_good) ++failures_;
  }

  client_request request_for(method verb, const std::string& path, std::string body) const {
    client_request request;
    request.verb = verb;
    request.url = place_.url + path;
    request.body = std::move(body);
    if (!place_.token.empty()) {
      request.headers.emplace_back("Authorization", "Bearer " + place_.token);
    }
    request.connect_timeout = connect_timeout;
    request.first_byte_timeout = reply_timeout;
    request.idle_timeout = reply_timeout;
    request.total_timeout = stream_timeout;
    return request;
  }

  aio::awaitable<result<reply>> call(method verb, std::string path, std::string body) {
    auto request = request_for(verb, path, std::move(body));
    request.headers.emplace_back("Accept", "application/json");
    if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    const auto stream = client_->start(std::move(request));
    auto head = co_await stream->head();
    if (!head) co_return head.error();
    reply got;
    got.head = std::move(*head);
    while (got.body.size() < body_bytes_max) {
      auto piece = co_await stream->read();
      if (!piece) co_return piece.error();
      if (piece->empty()) break;
      got.body += *piece;
    }
    co_return got;
  }

  // --- is it there, and is it Throughline -----------------------------------------------------

  aio::awaitable<bool> check_server() {
    const auto began = std::chrono::steady_clock::now();
    const auto got = co_await call(method::get, "/models", "");
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    finding found{.part = "connect"};
    if (!got) {
      found.what = fmt::format("{}: {}", place_.url, got.error().detail);
      found.advice = fmt::format(
          "Is it started (`{}`), is the address right, and does a firewall "
          "or a proxy of this machine let it through?",
          place_.how_to_start);
      say(found);
      co_return false;
    }
    const auto body = parsed(got->body);
    const bool lists_models = body.is_object() && body.get_object().contains("data");
    if (got->head.status == 200 && lists_models) {
      found.is_good = true;
      found.what =
          fmt::format("Throughline answers at {} within {:.1f} ms", place_.url, took.count());
    } else {
      describe_stranger(*got, found);
    }
    say(found);
    co_return found.is_good;
  }

  void describe_stranger(const reply& got, finding& found) const {
    const int status = got.head.status;
    const auto code = text_of(parsed(got.body), "/code");
    found.what = fmt::format("{} answers {} to GET /models", place_.url, status);
    if (!code.empty()) {
      found.what += fmt::format(" ({})", text_of(parsed(got.body), "/detail"));
    } else {
      found.what += ", and that is not Throughline";
    }
    if (code == "forbidden") {
      found.advice = "The server does not know this host name: start it with --public-host NAME.";
    } else if (status >= 300 && status < 400) {
      found.advice = "Use the address it sends to: " + header(got.head, "Location");
    } else if (code == "unauthorized") {
      found.advice =
          "Set THROUGHLINE_ACCESS_TOKEN, or THROUGHLINE_ACCESS_TOKEN_FILE, to its token.";
    } else if (status == 401 || status == 407) {
      found.advice = "Something in front of the server asks for a login.";
    } else if (status >= 500) {
      found.advice =
          "Something is there, but it does not reach the server or the server is not "
          "ready: look at GET /readyz and at its log.";
    } else {
      found.advice =
          "Is the port that of another program, or does a proxy add or strip a part of "
          "the path?";
    }
  }

  // --- the question ---------------------------------------------------------------------------

  aio::awaitable<bool> check_post() {
    std::string body = R"({"content":)";
    append_json_string(body, options_.message);
    if (!options_.model.empty()) {
      body += R"(,"model":)";
      append_json_string(body, options_.model);
    }
    body += '}';
    const auto began = std::chrono::steady_clock::now();
    const auto got = co_await call(method::post, "/chat/messages", std::move(body));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
    finding found{.part = "post"};
    if (!got) {
      found.what = got.error().detail;
      found.advice = "Reading works and writing does not: look at what a proxy does with POST.";
    } else if (const auto accepted = parsed(got->body); got->head.status == 202) {
      task_ = text_of(accepted, "/task_id");
      message_ = text_of(accepted, "/message_id");
      conversation_ = text_of(accepted, "/session_id");
      found.is_good = !task_.empty();
      found.what = fmt::format("accepted and stored within {:.1f} ms", took.count());
    } else {
      found.what =
          fmt::format("refused with {}: {}", got->head.status, text_of(accepted, "/detail"));
      found.advice = advice_for_refusal(got->head, text_of(accepted, "/code"));
    }
    say(found);
    co_return found.is_good;
  }

  static std::string advice_for_refusal(const client_response_head& head, std::string_view code) {
    if (code.empty()) return "That is not from Throughline: a proxy does not let POST through.";
    if (head.status == 429) {
      return "Too many requests or answers at once: try again in " + header(head, "Retry-After") +
             " s.";
    }
    if (head.status == 503 || head.status == 507) {
      return "The server is going down, full or out of disk: look at GET /readyz and at its log.";
    }
    if (head.status == 422) return "Look at GET /models for the models there are.";
    return "Look at the server's log.";
  }

  // --- the answer, in every way it can be read ------------------------------------------------

  aio::awaitable<> check_answer() {
    auto done = aio::bell::create(loop_);
    group_.spawn("watch", watch_task());
    group_.spawn("resume", read_with_a_cut(done));
    group_.spawn("long poll", poll(done));
    reading whole;
    co_await read(&whole, {}, {}, true, std::nullopt);
    const auto ended = std::chrono::steady_clock::now();
    has_read_ = true;
    say(judge_stream(whole, ended));
    // Each of them ends by itself: all that they wait for has a limit.
    while (!has_resumed_ || !has_polled_) {
      [[maybe_unused]] const bool rung = co_await done->wait_until(ended + stream_timeout);
    }
    say(judge_resume(whole));
    say(judge_long_poll(whole));
    co_await check_stored(whole);
    std::string path = "/conversations/" + conversation_;
    [[maybe_unused]] const auto removed = co_await call(method::delete_, std::move(path), "");
  }

  /// Reads the answer's event stream to its end, or until `most` chunks have come.
  aio::awaitable<> read(reading* into, std::string last_event_id, std::string query, bool watches,
                        std::optional<std::int64_t> most) {
    auto request = request_for(method::get, "/stream/" + task_ + query, "");
    request.headers.emplace_back("Accept", "text/event-stream");
    if (!last_event_id.empty()) request.headers.emplace_back("Last-Event-ID", last_event_id);
    const auto stream = client_->start(std::move(request));
    auto head = co_await stream->head();
    if (!head) {
      into->failure = head.error().detail;
      co_return;
    }
    into->head = std::move(*head);
    if (into->head.status != 200) {
      into->failure = fmt::format("the server answers {}", into->head.status);
      co_return;
    }
    load::answer_frames frames;
    std::int64_t count = 0;
    while (!into->check.has_ended()) {
      const auto piece = co_await stream->read();
      if (!piece || piece->empty()) {
        into->failure = piece ? "it ends before the answer does" : piece.error().detail;
        co_return;
      }
      const auto now = std::chrono::steady_clock::now();
      frames.feed(*piece);
      answer_frame frame;
      while (frames.next(frame)) {
        // Where the cut is, the rest of what came does not count as seen.
        if (most && count == *most) co_return;
        if (!into->check.see(frame)) continue;
        ++count;
        if (!into->first_index) into->first_index = frame.index;
        const auto at = stream::parse_position(frame.id);
        if (watches && at) watch_.received(*at, now);
      }
      if (most && count == *most) co_return;
    }
  }

  /// Asks the server how far the answer is, while it is being read.
  aio::awaitable<> watch_task() {
    while (!has_read_) {
      const auto got = co_await call(method::get, "/tasks/" + task_, "");
      const auto now = std::chrono::steady_clock::now();
      if (got && got->head.status == 200) {
        const auto at = stream::parse_position(text_of(parsed(got->body), "/position"));
        if (at) watch_.known(*at, now);
      }
      co_await aio::sleep_for(poll_every);
    }
  }

  aio::awaitable<> read_with_a_cut(std::shared_ptr<aio::bell> done) {
    co_await read(&resumed_, {}, {}, false, cut_after_chunks);
    cut_at_ = resumed_.check.position();
    resumed_.first_index.reset();
    if (resumed_.failure.empty() && !resumed_.check.has_ended()) {
      co_await read(&resumed_, cut_at_, {}, false, std::nullopt);
      if (resumed_.first_index == 0 && resumed_.check.restarts() == 0) {
        co_await read(&by_query_, {}, "?after=" + cut_at_, false, std::nullopt);
      }
    }
    has_resumed_ = true;
    done->ring();
  }

  [[nodiscard]] finding judge_stream(const reading& of, steady_time ended) const {
    finding found{.part = "stream"};
    const auto type = header(of.head, "Content-Type");
    const auto coding = header(of.head, "Content-Encoding");
    const auto& check = of.check;
    const auto delay = watch_.longest_delay(ended);
    if (!of.failure.empty()) {
      found.what = of.failure;
      found.advice = delay > delay_max || of.head.status == 0
                         ? std::string(unbuffer_advice)
                         : "A proxy may limit how long a response takes; nginx: "
                           "`proxy_read_timeout 1h;`.";
    } else if (!type.starts_with("text/event-stream")) {
      found.what = fmt::format("comes as \"{}\" instead of text/event-stream", type);
      found.advice = "Browsers refuse that: a proxy changes Content-Type.";
    } else if (check.lost() + check.repeated() + check.out_of_order() > 0) {
      found.what = fmt::format("{} chunks lost, {} repeated, {} out of order", check.lost(),
                               check.repeated(), check.out_of_order());
      found.advice =
          "A proxy must not change a text/event-stream. If there is none, please report "
          "this.";
    } else if (delay > delay_max) {
      found.what = fmt::format(
          "held back: chunks arrived up to {:.1f} s after the server had them, all of them in {} "
          "lump{}{}",
          static_cast<double>(delay.count()) / 1000, watch_.lumps(), watch_.lumps() == 1 ? "" : "s",
          coding.empty() ? "" : fmt::format(" (and something compresses them: {})", coding));
      found.advice = unbuffer_advice;
    } else if (check.has_failed()) {
      found.what = "the answer ended as an error: the stream works, the model does not";
      found.advice = fmt::format("Ask {}/tasks/{} for the reason.", place_.url, task_);
    } else {
      found.is_good = true;
      found.what = fmt::format("came as it was written, in {} pieces", watch_.lumps());
      if (!coding.empty()) found.what += fmt::format("; something compresses it ({})", coding);
    }
    return found;
  }

  [[nodiscard]] finding judge_resume(const reading& whole) const {
    finding found{.part = "resume"};
    const auto& check = resumed_.check;
    if (!resumed_.failure.empty()) {
      found.what = resumed_.failure;
      found.advice = "The first connection of this reader was cut on purpose; the second failed.";
    } else if (cut_at_.empty() || !resumed_.first_index) {
      found.what = "the answer was too short to be cut in the middle";
      found.advice = "Ask for more with --message.";
    } else if (resumed_.first_index == 0 && check.restarts() == 0) {
      const bool query_works = by_query_.failure.empty() && by_query_.first_index != 0;
      found.what =
          fmt::format("a reader that came back with Last-Event-ID: {} got everything again{}",
                      cut_at_, query_works ? "; with ?after= it works" : "");
      found.advice = query_works ? "A proxy strips the header Last-Event-ID: let it pass."
                                 : "A proxy strips Last-Event-ID and the query, or answers from a "
                                   "cache: let them pass, and do not cache text/event-stream.";
    } else if (check.lost() + check.repeated() + check.out_of_order() > 0 ||
               (whole.failure.empty() && check.text() != whole.check.text())) {
      found.what =
          fmt::format("after {} {} chunks were lost, {} repeated, {} out of order, and the text {}",
                      cut_at_, check.lost(), check.repeated(), check.out_of_order(),
                      check.text() == whole.check.text() ? "is the same" : "is another one");
      found.advice =
          "A proxy must not cache or change a text/event-stream. If there is none, "
          "please report this.";
    } else {
      found.is_good = true;
      found.what = fmt::format("cut off after {}, a reader got exactly the rest", cut_at_);
    }
    return found;
  }

  /// The way around proxies that hold streams back, page by page.
  aio::awaitable<> poll(std::shared_ptr<aio::bell> done) {
    std::string position;
    bool has_ended = false;
    const auto deadline = std::chrono::steady_clock::now() + stream_timeout;
    while (!has_ended && poll_failure_.empty()) {
      std::string path =
          fmt::format("/stream/{}?after={}&wait={}", task_, position, long_poll_seconds);
      const auto got = co_await call(method::get, std::move(path), "");
      if (!got) {
        poll_failure_ = got.error().detail;
      } else if (const auto page = parsed(got->body); !is_page(page)) {
        poll_failure_ = fmt::format("the answer is {}, and no page of chunks", got->head.status);
      } else {
        take_page(page.get_object(), position);
        has_ended = page.get_object().at("ended").get_bool();
        position = text_of(page, "/position");
      }
      if (!has_ended && std::chrono::steady_clock::now() > deadline) {
        poll_failure_ = "it does not come to an end";
      }
    }
    has_polled_ = true;
    done->ring();
  }

  static bool is_page(const json::value& page) {
    const auto* const object = page.if_object();
    const auto* const chunks = object == nullptr ? nullptr : object->if_contains("chunks");
    const auto* const ended = object == nullptr ? nullptr : object->if_contains("ended");
    return chunks != nullptr && chunks->is_array() && ended != nullptr && ended->is_bool();
  }

  void take_page(const json::object& page, const std::string& after) {
    const auto had = stream::parse_position(after);
    std::int64_t next = had ? std::int64_t{had->index} + 1 : 0;
    for (const auto& chunk : page.at("chunks").get_array()) {
      const auto type = text_of(chunk, "/chunk_type");
      const auto* const object = chunk.if_object();
      const auto* const index = object == nullptr ? nullptr : object->if_contains("chunk_index");
      if (index == nullptr || !index->is_int64()) continue;
      if (type == "reset") {
        polled_ = {};
        next = index->get_int64();
      }
      if (index->get_int64() != next) {
        poll_failure_ = fmt::format("asked for what follows \"{}\" it gave chunk {} instead of {}",
                                    after, index->get_int64(), next);
        return;
      }
      ++next;
      if (type == "content") polled_.add(text_of(chunk, "/content"));
    }
  }

  [[nodiscard]] finding judge_long_poll(const reading& whole) const {
    finding found{.part = "long poll"};
    if (!poll_failure_.empty()) {
      found.what = poll_failure_;
    } else if (whole.failure.empty() && polled_ != whole.check.text()) {
      found.what = "the text is another one than that of the stream";
    }
    found.is_good = found.what.empty();
    if (found.is_good) {
      found.what = "the way around proxies that hold streams back works";
    } else {
      found.advice =
          "GET /stream/ID?after=POSITION&wait=20 with Accept: application/json must reach the "
          "server with its query and must not be answered from a cache.";
    }
    return found;
  }

  /// The stored message against what was read.
  aio::awaitable<> check_stored(const reading& whole) {
    finding found{.part = "stored"};
    std::string path = fmt::format("/conversations/{}/messages?limit=10", conversation_);
    const auto got = co_await call(method::get, std::move(path), "");
    load::text_digest stored;
    bool is_there = false;
    if (got) {
      const auto page = parsed(got->body);
      boost::system::error_code failure;
      const auto* const list = page.find_pointer("/data", failure);
      if (!failure && list != nullptr && list->is_array()) {
        for (const auto& one : list->get_array()) {
          if (text_of(one, "/id") != message_) continue;
          is_there = true;
          stored.add(text_of(one, "/content"));
        }
      }
    }
    const auto& read = whole.failure.empty() ? whole.check.text() : resumed_.check.text();
    if (!got) {
      found.what = got.error().detail;
    } else if (!is_there) {
      found.what = "the message is not in its conversation";
    } else if (stored != read) {
      found.what = "the stored message is not what the stream said";
    } else {
      found.is_good = true;
      found.what = fmt::format("the message of {} bytes is what the stream said", stored.bytes);
    }
    if (!found.is_good) found.advice = "Look at the server's log; please report this.";
    say(found);
  }

  aio::event_loop& loop_;
  const check_options& options_;
  server_place place_;
  std::unique_ptr<http::http_client> client_;
  std::string task_;
  std::string message_;
  std::string conversation_;
  std::string cut_at_;
  stream_watch watch_;
  reading resumed_;
  reading by_query_;
  load::text_digest polled_;
  std::string poll_failure_;
  bool has_polled_ = false;
  bool has_read_ = false;
  bool has_resumed_ = false;
  int failures_ = 0;
  aio::task_group group_;
};

}  // namespace

int run_check(const check_options& options) {
  auto place = find_server(options.url, options.data_dir);
  aio::event_loops loops(1, "check");
  checking all(loops[0], options, std::move(place));
  aio::asio::co_spawn(loops[0].get_executor(), all.run(), aio::asio::use_future).get();
  loops.stop_and_join();
  std::puts(all.status() == 0 ? "Everything works." : "Not everything works.");
  return all.status();
}

}  // namespace throughline::app
