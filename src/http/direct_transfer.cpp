#include "http/direct_transfer.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace throughline::http {
namespace {

// What a connection's further use is worth when the rest of a body is not wanted.
constexpr std::size_t discarded_bytes_max = 256 * 1024;
constexpr std::chrono::seconds discarding_max{1};
constexpr std::size_t kept_capacity_max = 4096;

}  // namespace

direct_transfer::direct_transfer(std::shared_ptr<direct_connections> connections,
                                 const client_request& request, direct_target target)
    : buffered_bytes_max_(request.buffered_bytes_max),
      changed_(aio::bell::create(connections->loop())),
      connections_(std::move(connections)),
      deadlines_(request),
      parser_(request.verb == method::head),
      target_(std::move(target)),
      connect_timeout_(request.connect_timeout),
      watchdog_(connections_->loop().get_executor()) {}

direct_transfer::~direct_transfer() {
  close();
}

void direct_transfer::on_ready(aio::descriptor_set::readiness ready) {
  // A transfer that was left behind is kept alive by nobody else once it has ended.
  const auto keep = discarded_ ? shared_from_this() : nullptr;
  if (is_connecting_) return finish_connecting();
  if (ready.writes && is_sending_) send_more();
  if (ready.reads && !is_ended_) receive();
}

void direct_transfer::receive() {
  const auto buffer = connections_->receive_buffer();
  const auto count = ::recv(socket_, buffer.data(), buffer.size(), 0);
  if (count > 0) return take(buffer.first(static_cast<std::size_t>(count)));
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  const int os_error = count < 0 ? errno : 0;
  if (count == 0 && parser_.end() == response_parser::progress::complete) return complete();
  lose(os_error);
}

void direct_transfer::take(std::span<char> bytes) {
  const bool had_head = parser_.has_head();
  const bool is_packed = coding_ != coding::none;
  auto& sink = is_packed ? packed_ : body_;
  if (sink.empty()) sink.reserve(bytes.size());
  const auto size_before = body_.size() + packed_.size();
  const auto reached = parser_.feed(bytes, sink);
  const auto now = std::chrono::steady_clock::now();
  if (!had_head && parser_.has_head()) take_head(now);
  if (body_.size() + packed_.size() > size_before) take_body(now);
  if (is_ended_) return;
  if (reached == response_parser::progress::complete) return complete();
  if (reached == response_parser::progress::refused) {
    if (parser_.is_head_too_large()) return end(head_too_large(target_.endpoint));
    auto when = circumstances();
    when.says = parser_.fault();
    return end(response_unreadable(when));
  }
  pause_if_full();
}

void direct_transfer::take_head(steady_time now) {
  deadlines_.take_head(now);
  if (!is_sending_) outgoing_ = std::string();
  const auto named = parser_.head().headers.find("Content-Encoding");
  if (named && !same_name(*named, "identity")) {
    const bool is_known =
        same_name(*named, "gzip") || same_name(*named, "x-gzip") || same_name(*named, "deflate");
    coding_ = is_known ? coding::compressed : coding::unknown;
    packed_ = std::exchange(body_, {});
    if (is_known) inflater_ = std::make_unique<inflater>();
  }
  watch_earlier_deadline();
  changed_->ring();
}

void direct_transfer::take_body(steady_time now) {
  const bool begins = deadlines_.where() != transfer_deadlines::phase::reading;
  deadlines_.take_body(now);
  if (begins) watch_earlier_deadline();
  if (discarded_) {
    *discarded_ += body_.size() + packed_.size();
    body_.clear();
    packed_.clear();
    if (*discarded_ > discarded_bytes_max) end(request_cancelled());
    return;
  }
  if (coding_ != coding::none && !unpack()) return;
  if (body_.empty()) return;
  if (taker_ != nullptr && coding_ == coding::none) return hand_over();
  changed_->ring();
}

bool direct_transfer::unpack() {
  auto when = circumstances();
  if (coding_ == coding::unknown) {
    when.says = "it is compressed in a way that nobody asked for";
    end(response_unreadable(when));
    return false;
  }
  if (!inflater_->inflate(packed_, body_, buffered_bytes_max_)) {
    when.says = "what it compressed cannot be unpacked";
    end(response_unreadable(when));
    return false;
  }
  return true;
}

bool direct_transfer::has_packed() const {
  return inflater_ && (!packed_.empty() || inflater_->holds_more());
}

void direct_transfer::pause_if_full() {
  if (is_paused_ || discarded_ || body_.size() < buffered_bytes_max_) return;
  is_paused_ = true;
  deadlines_.pause();
  // Not even a reset is seen meanwhile: what came before it is taken first.
  if (socket_ >= 0) connections_->forget(socket_);
}

void direct_transfer::resume() {
  if (is_ended_ || !is_paused_) return;
  is_paused_ = false;
  if (has_packed() && !discarded_) {
    if (!unpack()) return;
    changed_->ring();
  }
  if (is_complete_) return complete();
  deadlines_.resume(std::chrono::steady_clock::now());
  if (body_.size() < buffered_bytes_max_ || discarded_) {
    if (watch_socket()) watch_earlier_deadline();
  } else {
    pause_if_full();
  }
}

void direct_transfer::complete() {
  if (!std::exchange(is_complete_, true) && socket_ >= 0) {
    // A request that was answered before all of it was sent leaves a connection that nobody
    // understands.
    if (parser_.keeps_connection() && is_sent_) {
      connections_->forget(socket_);
      connections_->keep_idle(target_.endpoint, std::exchange(socket_, -1));
    } else {
      close();
    }
  }
  if (has_packed() && !discarded_) return pause_if_full();
  if (inflater_ && !inflater_->is_at_end() && !discarded_ &&
      deadlines_.where() == transfer_deadlines::phase::reading) {
    auto when = circumstances();
    when.says = "what it compressed has no end";
    return end(connection_lost(when));
  }
  end(std::nullopt);
}

void direct_transfer::end(std::optional<error> failure) {
  if (is_ended_) return;
  const auto keep = connections_->take_back(*this);
  is_ended_ = true;
  failure_ = std::move(failure);
  watchdog_.cancel();
  close();
  changed_->ring();
}

void direct_transfer::cancel() {
  end(request_cancelled());
  failure_ = request_cancelled();
  body_.clear();
  packed_.clear();
}

void direct_transfer::let_end() {
  if (is_ended_ || !parser_.has_head()) return cancel();
  const auto self = shared_from_this();
  body_ = std::string();
  packed_ = std::string();
  discarded_ = 0;
  deadlines_.end_within(discarding_max, std::chrono::steady_clock::now());
  connections_->leave_behind(self);
  resume();
  if (!is_ended_) watch_earlier_deadline();
}

void direct_transfer::watch_earlier_deadline() {
  // Later deadlines are found when the timer rings; only an earlier one moves it.
  if (deadlines_.next() < watchdog_at_) watch_deadline();
}

void direct_transfer::watch_deadline() {
  watchdog_at_ = deadlines_.next();
  watchdog_.expires_at(watchdog_at_);
  watchdog_.async_wait([weak = weak_from_this()](const aio::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self || self->is_ended_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now >= self->deadlines_.next()) {
      self->end(self->deadlines_.timeout_error(self->target_.endpoint, now));
    } else {
      self->watch_deadline();
    }
  });
}

transfer_circumstances direct_transfer::circumstances(int os_error) const {
  transfer_circumstances when;
  when.endpoint = target_.endpoint;
  when.connected = deadlines_.where() != transfer_deadlines::phase::connecting;
  when.has_head = parser_.has_head();
  when.os_error = os_error;
  when.connect_timeout = connect_timeout_;
  return when;
}

aio::awaitable<result<client_response_head>> direct_transfer::head(
    std::shared_ptr<direct_transfer> self) {
  while (true) {
    if (self->is_cancelled()) co_return *self->failure_;
    if (self->parser_.has_head()) co_return self->parser_.head();
    if (self->is_ended_) co_return *self->failure_;
    co_await self->changed_->wait();
  }
}

aio::awaitable<result<std::string>> direct_transfer::read(std::shared_ptr<direct_transfer> self,
                                                          body_taker at_hand) {
  // Unset however the wait ends, also if its coroutine dies.
  struct in_force {
    direct_transfer& of;
    ~in_force() { of.taker_ = nullptr; }
  };
  const in_force until_the_end{*self};
  taker handed_to{at_hand, false, nullptr};
  while (true) {
    if (!self->body_.empty()) {
      std::string taken = std::exchange(self->body_, {});
      self->resume();
      if (!at_hand) co_return taken;
      const bool wants_more = at_hand(taken);
      if (!wants_more) co_return std::string();
      continue;
    }
    if (self->is_ended_ && self->failure_) co_return *self->failure_;
    if (self->is_ended_) co_return std::string();
    if (at_hand) self->taker_ = &handed_to;
    co_await self->changed_->wait();
    self->taker_ = nullptr;
    if (handed_to.thrown) std::rethrow_exception(handed_to.thrown);
    if (handed_to.is_satisfied) co_return std::string();
  }
}

// In the middle of receiving: the coroutine that waits for it sleeps on.
void direct_transfer::hand_over() {
  auto& to = *taker_;
  handed_.swap(body_);
  try {
    to.is_satisfied = !to.take(handed_);
  } catch (...) {
    to.thrown = std::current_exception();
    to.is_satisfied = true;
  }
  if (handed_.capacity() > kept_capacity_max) handed_ = std::string();
  handed_.clear();
  if (!to.is_satisfied) return;
  taker_ = nullptr;
  changed_->ring();
}

}  // namespace throughline::http
