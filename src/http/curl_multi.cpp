#include "http/curl_multi.hpp"

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/assert.hpp"

namespace throughline::http {
namespace {

constexpr long kept_connections_max = 256;
// A client that has had nothing to do for so long gives its connections back, also those the other
// end has closed unseen.
constexpr std::chrono::seconds idle_connections_kept{30};

curl_multi::listener& listener_of(CURL* easy) {
  char* whom = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &whom);
  // CURLINFO_PRIVATE speaks of char* whatever was put in.
  return *reinterpret_cast<curl_multi::listener*>(whom);
}

}  // namespace

std::shared_ptr<curl_multi> curl_multi::create(aio::event_loop& loop) {
  return std::shared_ptr<curl_multi>(new curl_multi(loop));
}

curl_multi::curl_multi(aio::event_loop& loop)
    : loop_(loop),
      sockets_(loop,
               [this](int socket, aio::descriptor_set::readiness ready) {
                 act(socket,
                     (ready.reads ? CURL_CSELECT_IN : 0) | (ready.writes ? CURL_CSELECT_OUT : 0));
               }),
      timer_(loop.get_executor()),
      idle_timer_(loop.get_executor()) {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
      throw std::runtime_error("libcurl could not be initialised");
    }
  });
  open();
}

curl_multi::~curl_multi() {
  close();
}

void curl_multi::open() {
  multi_ = curl_multi_init();
  if (multi_ == nullptr) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &curl_multi::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &curl_multi::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kept_connections_max);
}

void curl_multi::close() {
  if (multi_ == nullptr) return;
  curl_multi_cleanup(std::exchange(multi_, nullptr));
  timer_.cancel();
}

void curl_multi::leave_behind(std::shared_ptr<listener> whom) {
  left_behind_.emplace(whom.get(), std::move(whom));
}

std::shared_ptr<curl_multi::listener> curl_multi::take_back(listener& whom) {
  const auto found = left_behind_.find(&whom);
  if (found == left_behind_.end()) return nullptr;
  auto taken = std::move(found->second);
  left_behind_.erase(found);
  return taken;
}

void curl_multi::shut_down() {
  while (!left_behind_.empty()) {
    const auto whom = take_back(*left_behind_.begin()->first);
    whom->on_shut_down();
  }
  THROUGHLINE_ASSERT(transfers_ == 0);
  idle_timer_.cancel();
  close();
}

CURLMcode curl_multi::add(CURL* easy, listener& whom) {
  THROUGHLINE_ASSERT(multi_ != nullptr);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &whom);
  const auto code = curl_multi_add_handle(multi_, easy);
  if (code == CURLM_OK && transfers_++ == 0) idle_timer_.cancel();
  return code;
}

void curl_multi::remove(CURL* easy) {
  const auto code = curl_multi_remove_handle(multi_, easy);
  THROUGHLINE_ASSERT(code == CURLM_OK);
  std::erase(unwatched_, easy);
  if (--transfers_ == 0) close_idle_later();
}

void curl_multi::close_idle_later() {
  idle_timer_.expires_after(idle_connections_kept);
  idle_timer_.async_wait([weak = weak_from_this()](const aio::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self || self->multi_ == nullptr || self->transfers_ != 0) return;
    self->close();
    self->open();
  });
}

int curl_multi::on_socket(CURL* easy, curl_socket_t socket, int wanted, void* self,
                          void* /*watched*/) {
  auto& multi = *static_cast<curl_multi*>(self);
  if (wanted == CURL_POLL_REMOVE || wanted == CURL_POLL_NONE) {
    multi.sockets_.forget(socket);
    return 0;
  }
  const auto failure = multi.sockets_.watch(
      socket, {.reads = (wanted & CURL_POLL_IN) != 0, .writes = (wanted & CURL_POLL_OUT) != 0});
  if (!failure) return 0;
  // An error from here would end every transfer of the loop.
  multi.unwatched_.push_back(easy);
  multi.loop_.post([weak = multi.weak_from_this()] {
    if (const auto alive = weak.lock()) alive->tell_unwatched();
  });
  return 0;
}

void curl_multi::tell_unwatched() {
  while (!unwatched_.empty()) {
    CURL* const easy = unwatched_.back();
    unwatched_.pop_back();
    listener_of(easy).on_unwatched();
  }
}

int curl_multi::on_timer(CURLM* /*multi*/, long timeout_ms, void* self) {
  auto& multi = *static_cast<curl_multi*>(self);
  if (timeout_ms < 0) {
    multi.timer_.cancel();
    return 0;
  }
  // A wake-up that is already under way when curl moves the moment is harmless: curl looks at its
  // own clock.
  multi.timer_.expires_after(std::chrono::milliseconds(timeout_ms));
  multi.timer_.async_wait([weak = multi.weak_from_this()](const aio::error_code& ec) {
    const auto alive = weak.lock();
    if (!ec && alive && alive->multi_ != nullptr) alive->act(CURL_SOCKET_TIMEOUT, 0);
  });
  return 0;
}

void curl_multi::act(curl_socket_t socket, int events) {
  if (multi_ == nullptr) return;
  int running = 0;
  const auto code = curl_multi_socket_action(multi_, socket, events, &running);
  THROUGHLINE_ASSERT(code == CURLM_OK || code == CURLM_BAD_SOCKET);
  tell_listeners();
}

void curl_multi::tell_listeners() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    listener_of(message->easy_handle).on_ended(code);
  }
}

}  // namespace throughline::http
