#include "http/connection.hpp"

#include <boost/asio/post.hpp>
#include <exception>

#include "base/id.hpp"
#include "base/log.hpp"

namespace throughline::http {

using boost::system::system_error;

/// Requests that one connection is answered without giving the loop back to the others.
constexpr std::uint32_t served_without_pause_max = 16;

/// Takes the connection out of its host's list when the coroutine ends, however it ends.
class connection::registration {
 public:
  explicit registration(connection& self) : self_(self) {}
  registration(const registration&) = delete;
  registration& operator=(const registration&) = delete;
  ~registration() {
    self_.is_gone_ = true;
    self_.clear_alarm();
    self_.tls_.reset();
    aio::error_code ignored;
    self_.socket_.close(ignored);
    self_.place_.give_back();
    self_.forget_request();
    auto& host = self_.host_;
    host.open.erase(&self_);
    if (host.open.empty()) host.all_closed->ring();
  }

 private:
  connection& self_;
};

aio::awaitable<> connection::let_others_run() {
  co_await aio::asio::post(host_.loop.get_executor(), aio::use_awaitable);
}

connection::connection(connection_host& host, aio::tcp_socket socket, admission::place place,
                       std::string remote_address, bool is_proxy)
    : host_(host),
      socket_(std::move(socket)),
      alarm_(host.loop.get_executor()),
      place_(std::move(place)),
      remote_address_(std::move(remote_address)),
      tls_(host.tls ? host.tls->begin(socket_.native_handle()) : nullptr),
      is_proxy_(is_proxy) {
  host_.open.insert(this);
}

aio::awaitable<> connection::run(std::shared_ptr<connection> self) {
  const registration listed(*self);
  try {
    co_await self->serve();
  } catch (const system_error& failure) {
    if (failure.code() != aio::asio::error::operation_aborted) throw;
  }
}

aio::awaitable<> connection::serve() {
  bool goes_on = true;
  if (tls_) goes_on = co_await shake_hands();
  if (goes_on && place_.refusal()) co_await turn_away();
  goes_on = goes_on && !place_.refusal();
  while (goes_on) {
    goes_on = co_await receive();
    if (!goes_on) break;
    co_await answer();
    // Requests sent one behind the other may never have to be waited for.
    if (++served_without_pause_ % served_without_pause_max == 0) co_await let_others_run();
    goes_on = keep_alive_ && !host_.draining;
    forget_request();
  }
  if (tls_ && !is_gone_ && !is_cut_) co_await say_goodbye();
  if (lingers_ || !left_over_.empty()) co_await linger();
}

// What is seldom needed is a coroutine of its own: the frames below live as long as a stream does.
aio::awaitable<> connection::turn_away() {
  const auto refusal = place_.refusal();
  co_await refuse(*refusal);
}

aio::awaitable<> connection::turn_client_away() {
  response refused = problem_response(*client_place_->refusal(), incoming_.request_id);
  co_await respond(std::move(refused));
}

aio::awaitable<> connection::answer() {
  if (client_place_ && client_place_->refusal()) {
    co_await turn_client_away();
    co_return;
  }
  std::string mistake;
  try {
    co_await host_.handle(*this);
  } catch (const system_error& failure) {
    if (failure.code() == aio::asio::error::operation_aborted) throw;
    mistake = failure.what();
  } catch (const std::exception& failure) {
    mistake = failure.what();
  }
  when_over_ = nullptr;
  if (is_gone_) keep_alive_ = false;
  if (is_gone_ || (stage_ == stage::answered && mistake.empty())) co_return;
  keep_alive_ = false;
  is_cut_ = stage_ == stage::streaming;
  co_await apologise(std::move(mistake));
}

aio::awaitable<> connection::apologise(std::string mistake) {
  log::error("a handler ended without an answer",
             {{"path", incoming_.path}, {"request_id", incoming_.request_id}, {"what", mistake}});
  if (stage_ != stage::handling) co_return;
  const error ours = fail(errc::internal, "the server could not answer this request");
  response apology = problem_response(ours, incoming_.request_id);
  co_await respond(std::move(apology));
}

/// Suspends until the socket is readable or writable. When the deadline passes: false with
/// if_late::wake, else throws operation_aborted, as everything does on a connection that is over.
aio::awaitable<bool> connection::wait(aio::tcp_socket::wait_type what, steady_time deadline,
                                      if_late then) {
  sent_without_pause_ = 0;
  is_late_ = false;
  set_alarm(deadline, then);
  waits_ = true;
  const auto [failure] = co_await socket_.async_wait(what, aio::as_tuple);
  waits_ = false;
  clear_alarm();
  if (is_gone_ || (failure && !is_late_)) throw system_error(aio::asio::error::operation_aborted);
  co_return !is_late_;
}

void connection::set_alarm(steady_time deadline, if_late then) {
  alarm_.expires_at(deadline);
  auto ring = [self = shared_from_this(), number = ++alarm_number_, then](aio::error_code failure) {
    if (failure || number != self->alarm_number_) return;
    if (then != if_late::wake) return self->lose_client(then == if_late::reset);
    self->is_late_ = true;
    aio::error_code ignored;
    self->socket_.cancel(ignored);
  };
  alarm_.async_wait(std::move(ring));
}

void connection::clear_alarm() {
  ++alarm_number_;
  alarm_.cancel();
}

/// The client has gone, or is treated as if: ends the coroutine, and with it the handler, or lets
/// the handler end.
void connection::lose_client(bool reset) {
  if (std::exchange(is_gone_, true)) return;
  if (reset) {
    aio::error_code ignored;
    socket_.set_option(aio::asio::socket_base::linger(true, 0), ignored);
  }
  if (!when_over_ || waits_) return cancel_();
  const auto call = when_over_;  // which may unset it
  call();
}

void connection::abort_connection(bool reset) {
  is_gone_ = true;
  keep_alive_ = false;
  aio::error_code ignored;
  if (reset) socket_.set_option(aio::asio::socket_base::linger(true, 0), ignored);
  tls_.reset();
  socket_.close(ignored);
}

void connection::drain_begins() {
  if (const auto call = when_over_) call();
  // A request that has just arrived is answered, with where to turn to.
  if (is_idle_ && !has_bytes()) lose_client(false);
}

void connection::adopt(request_parser& parser) {
  incoming_ = std::move(parser.message());
  incoming_.remote_address = remote_address_;
  incoming_.is_secure = tls_ != nullptr;
  if (is_proxy_) look_behind_proxy();
  if (incoming_.request_id.empty()) incoming_.request_id = uuid::generate().to_string();
  to_http_1_0_ = parser.is_http_1_0();
  keep_alive_ = parser.head_is_complete() && parser.keep_alive();
  stage_ = stage::handling;
}

void connection::look_behind_proxy() {
  host_.proxies.look_behind(incoming_);
  if (incoming_.remote_address == remote_address_) return;
  const auto client = aio::asio::ip::make_address(incoming_.remote_address);
  client_place_ = std::make_unique<admission::place>(place_.enter_behind(client));
}

void connection::forget_request() {
  incoming_ = request{};
  client_place_.reset();
  when_over_ = nullptr;
  stage_ = stage::reading;
}

}  // namespace throughline::http
