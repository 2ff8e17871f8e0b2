#include "redis/link.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"

namespace throughline::redis {
namespace {

constexpr std::size_t read_bytes = 64 * 1024;
/// The buffer that commands are collected in keeps its memory up to this size.
constexpr std::size_t outgoing_bytes_kept = 256 * 1024;
/// Of a write, that another one is worth a pause.
constexpr std::size_t commands_of_a_crowd = 3;
constexpr seconds stood_min{1};
/// All processes lose a server that restarts at the same moment.
constexpr aio::backoff pause_after_loss{milliseconds(20), milliseconds(20)};
constexpr std::string_view client_name = "throughline";

command hello(const address& at) {
  command out("HELLO");
  out.add("3");
  if (!at.password.empty()) {
    out.add("AUTH").add(at.user.empty() ? "default" : at.user).add(at.password);
  }
  out.add("SETNAME").add(client_name);
  return out;
}

command auth(const address& at) {
  command out("AUTH");
  if (!at.user.empty()) out.add(at.user);
  out.add(at.password);
  return out;
}

error lost(const server& to, std::string_view why) {
  return fail(errc::unavailable,
              fmt::format("the connection to Redis at {} was lost: {}", to.at.name(), why));
}

}  // namespace

struct link::connection {
  connection(aio::event_loop& loop, std::shared_ptr<transport> over, const parser_limits& limits)
      : wire(std::move(over)),
        reader(limits),
        written(aio::bell::create(loop)),
        buffer(read_bytes) {}

  const std::shared_ptr<transport> wire;
  parser reader;
  std::string outgoing;
  std::size_t commands = 0;  // in it
  const std::shared_ptr<aio::bell>
      written;  // rung when there is something to write, and at the end
  std::vector<char> buffer;
  bool is_over = false;
  bool is_away = false;  // given up because the server is no good
  error why;

  void end(const error& reason) {
    if (std::exchange(is_over, true)) return;
    why = reason;
    wire->close();
    written->ring();
  }
};

link::link(aio::event_loop& loop, std::string_view kind, server to, std::shared_ptr<presence> here,
           link_options options, owner& told)
    : loop_(loop),
      kind_(kind),
      to_(std::move(to)),
      here_(std::move(here)),
      options_(options),
      told_(told),
      group_(loop) {}

void link::start() {
  group_.spawn("redis link", keep_up());
}

aio::awaitable<> link::stop() {
  is_stopping_ = true;
  if (connection_) connection_->end(lost(to_, "this process stops"));
  co_await group_.stop();
  state_ = state::away;
}

void link::send(const command& what, command::naming how) {
  THROUGHLINE_ASSERT(state_ == state::up);
  what.encode(connection_->outgoing, how);
  ++connection_->commands;
  connection_->written->ring();
}

void link::drop(const error& why, bool is_away) {
  if (state_ != state::up) return;
  connection_->is_away = is_away;
  connection_->end(why);
  state_ = is_away ? state::away : state::connecting;
  report(false, why);
  told_.on_lost(why);
}

void link::report(bool is_there, const error& why) {
  if (is_reported_lost_ != is_there || is_stopping_) return;
  is_reported_lost_ = !is_there;
  if (is_there) {
    here_->found();
  } else {
    here_->lost(why);
  }
}

aio::awaitable<> link::keep_up() {
  auto& reconnects = metrics::find_counter(metrics::redis_reconnects, {std::string(kind_)});
  int failures = 0;
  bool was_up = false;
  while (true) {
    auto made = co_await make_connection();
    if (made) {
      if (std::exchange(was_up, true)) reconnects.add();
      const auto began = std::chrono::steady_clock::now();
      co_await serve(*made);
      // A connection that is lost at once, again and again, is no better than none.
      const bool has_stood = std::chrono::steady_clock::now() - began >= stood_min;
      failures = has_stood && state_ != state::away ? 0 : failures + 1;
    } else {
      ++failures;
      state_ = state::away;
      report(false, made.error());
      told_.on_away(made.error());
    }
    const auto& pause = failures == 0 ? pause_after_loss : options_.backoff;
    const auto delay = pause.delay(std::max(failures, 1), system_random());
    co_await aio::sleep_for(delay);
  }
}

aio::awaitable<> link::serve(std::shared_ptr<connection> standing) {
  connection_ = standing;
  state_ = state::up;
  report(true, {});
  group_.spawn("redis writer", write_until_lost(standing));
  told_.on_up();
  co_await read_until_lost(standing);
  drop(standing->why, false);
  connection_.reset();
}

aio::awaitable<result<std::shared_ptr<link::connection>>> link::make_connection() {
  const auto deadline = std::chrono::steady_clock::now() + options_.connect_timeout;
  auto wire = co_await connect(loop_, to_, deadline);
  if (!wire) co_return wire.error();
  const auto made = std::make_shared<connection>(loop_, *wire, options_.limits);
  aio::timer alarm(loop_.get_executor(), deadline);
  alarm.async_wait([weak = std::weak_ptr(made), to = to_](const aio::error_code& moved) {
    const auto self = weak.lock();
    if (!moved && self) self->end(lost(to, "it does not answer"));
  });
  auto signed_in = co_await sign_in(made);
  if (made->is_over) co_return made->why;
  if (!signed_in) {
    made->end(signed_in.error());
    co_return signed_in.error();
  }
  alarm.cancel();
  co_return made;
}

aio::awaitable<result<void>> link::sign_in(std::shared_ptr<connection> made) {
  const auto greeting = hello(to_.at);
  auto answer = co_await ask(made, greeting);
  if (!answer) co_return answer.error();
  if (answer->is == value_kind::error) {
    if (refusal_of(answer->text) == refusal::not_signed_in) co_return error_of(answer->text);
    // A server without HELLO speaks RESP2.
    if (!to_.at.password.empty()) {
      const auto signing = auth(to_.at);
      answer = co_await ask(made, signing);
      if (!answer) co_return answer.error();
      if (answer->is == value_kind::error) co_return error_of(answer->text);
    }
  }
  if (to_.at.database != 0) {
    command choosing("SELECT");
    choosing.add_number(to_.at.database);
    answer = co_await ask(made, choosing);
    if (!answer) co_return answer.error();
    if (answer->is == value_kind::error) co_return error_of(answer->text);
  }
  // A server that is loading says so to this, and not to what came before.
  const command ping("PING");
  answer = co_await ask(made, ping);
  if (!answer) co_return answer.error();
  if (answer->is == value_kind::error) co_return error_of(answer->text);
  co_return result<void>();
}

aio::awaitable<result<value>> link::ask(std::shared_ptr<connection> made, command what) {
  std::string bytes;
  what.encode(bytes);
  const auto failed = co_await made->wire->write_all(aio::asio::buffer(bytes));
  if (failed) co_return lost(to_, failed.message());
  auto answer = co_await receive(made);
  co_return answer;
}

aio::awaitable<result<value>> link::receive(std::shared_ptr<connection> made) {
  while (true) {
    if (auto got = made->reader.next()) co_return std::move(*got);
    if (made->reader.is_broken()) co_return lost(to_, made->reader.fault());
    auto [failed, count] = co_await made->wire->read_some(aio::asio::buffer(made->buffer));
    if (failed) co_return lost(to_, failed.message());
    made->reader.feed(std::string_view(made->buffer.data(), count));
  }
}

aio::awaitable<> link::read_until_lost(std::shared_ptr<connection> from) {
  while (!from->is_over) {
    auto [failed, count] = co_await from->wire->read_some(aio::asio::buffer(from->buffer));
    if (failed) {
      from->end(lost(to_, failed.message()));
      break;
    }
    from->reader.feed(std::string_view(from->buffer.data(), count));
    while (!from->is_over) {
      auto got = from->reader.next();
      if (!got) break;
      told_.on_value(std::move(*got));
    }
    if (from->reader.is_broken()) from->end(lost(to_, from->reader.fault()));
  }
}

aio::awaitable<> link::write_until_lost(std::shared_ptr<connection> to) {
  std::string writing;
  steady_time next{};
  while (!to->is_over) {
    if (to->outgoing.empty()) {
      co_await to->written->wait();
      continue;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now < next) {
      co_await aio::sleep_until(next);
      continue;
    }
    next = to->commands >= commands_of_a_crowd ? now + options_.write_pause : now;
    to->commands = 0;
    if (writing.capacity() > outgoing_bytes_kept) writing = std::string();
    writing.clear();
    writing.swap(to->outgoing);
    const auto failed = co_await to->wire->write_all(aio::asio::buffer(writing));
    if (failed) to->end(lost(to_, failed.message()));
  }
}

}  // namespace throughline::redis
