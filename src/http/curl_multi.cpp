#include "http/curl_multi.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/assert.hpp"

namespace throughline::http {
namespace {

namespace asio = boost::asio;
using descriptor = asio::posix::basic_stream_descriptor<aio::executor>;

constexpr long kept_connections_max = 256;
// A client that has had nothing to do for so long gives its connections back, also those the other
// end has closed unseen.
constexpr std::chrono::seconds idle_connections_kept{30};

}  // namespace

// Curl owns the descriptor; Asio only borrows it for waiting, and gives it back by release() before
// curl closes it.
struct curl_multi::watched_socket {
  watched_socket(curl_multi& of, curl_socket_t socket)
      : owner(&of), number(socket), waits(of.loop_.get_executor(), socket) {}

  curl_multi* owner;  // nullptr once curl no longer wants it
  curl_socket_t number;
  descriptor waits;
  int wanted = CURL_POLL_NONE;
  bool waits_for_read = false;
  bool waits_for_write = false;
};

std::shared_ptr<curl_multi> curl_multi::create(aio::event_loop& loop) {
  return std::shared_ptr<curl_multi>(new curl_multi(loop));
}

curl_multi::curl_multi(aio::event_loop& loop)
    : loop_(loop), timer_(loop.get_executor()), idle_timer_(loop.get_executor()) {
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
  while (!sockets_.empty()) unwatch(sockets_.begin()->first);
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

int curl_multi::on_socket(CURL* /*easy*/, curl_socket_t socket, int wanted, void* self,
                          void* /*watched*/) {
  auto& multi = *static_cast<curl_multi*>(self);
  if (wanted == CURL_POLL_REMOVE) {
    multi.unwatch(socket);
  } else {
    multi.watch(socket, wanted);
  }
  return 0;
}

void curl_multi::watch(curl_socket_t socket, int wanted) {
  auto& watched = sockets_[socket];
  if (!watched) watched = std::make_shared<watched_socket>(*this, socket);
  watched->wanted = wanted;
  arm(watched);
}

void curl_multi::unwatch(curl_socket_t socket) {
  const auto found = sockets_.find(socket);
  if (found == sockets_.end()) return;
  const auto watched = std::move(found->second);
  sockets_.erase(found);
  watched->owner = nullptr;
  watched->waits.release();
}

void curl_multi::arm(const std::shared_ptr<watched_socket>& watched) {
  if ((watched->wanted & CURL_POLL_IN) != 0 && !watched->waits_for_read) {
    watched->waits_for_read = true;
    watched->waits.async_wait(descriptor::wait_read, [watched](const aio::error_code& ec) {
      watched->waits_for_read = false;
      if (!ec && watched->owner != nullptr) watched->owner->socket_ready(watched, CURL_CSELECT_IN);
    });
  }
  if ((watched->wanted & CURL_POLL_OUT) != 0 && !watched->waits_for_write) {
    watched->waits_for_write = true;
    watched->waits.async_wait(descriptor::wait_write, [watched](const aio::error_code& ec) {
      watched->waits_for_write = false;
      if (!ec && watched->owner != nullptr) watched->owner->socket_ready(watched, CURL_CSELECT_OUT);
    });
  }
}

void curl_multi::socket_ready(const std::shared_ptr<watched_socket>& watched, int events) {
  // A wait may be left over from before curl changed its mind.
  const int wanted = (events == CURL_CSELECT_IN) ? CURL_POLL_IN : CURL_POLL_OUT;
  if ((watched->wanted & wanted) == 0) return;
  act(watched->number, events);
  if (watched->owner != nullptr) arm(watched);
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
    char* whom = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &whom);
    // CURLINFO_PRIVATE speaks of char* whatever was put in.
    reinterpret_cast<listener*>(whom)->on_ended(code);
  }
}

}  // namespace throughline::http
