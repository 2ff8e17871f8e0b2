#include "http/curl_transfer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/assert.hpp"
#include "http/client_url.hpp"
#include "http/curl_errors.hpp"

namespace throughline::http {
namespace {

constexpr std::size_t head_bytes_max = 256 * 1024;
// What a connection's further use is worth when the rest of a body is not wanted.
constexpr std::size_t discarded_bytes_max = 256 * 1024;
constexpr std::chrono::seconds discarding_max{1};
// Curl keeps the deadline of connecting; a moment more, in case it does not.
constexpr std::chrono::seconds connect_grace{5};

/// Curl reports a lack of descriptors as whatever it could not do without one.
bool is_descriptor_left() {
  const int one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (one >= 0) ::close(one);
  return one >= 0 || (errno != EMFILE && errno != ENFILE);
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

curl_transfer::curl_transfer(std::shared_ptr<curl_multi> multi, client_request request,
                             std::string ca_file)
    : multi_(std::move(multi)),
      request_(std::move(request)),
      ca_file_(std::move(ca_file)),
      deadlines_(request_, connect_grace),
      watchdog_(multi_->loop().get_executor()),
      changed_(aio::bell::create(multi_->loop())) {}

curl_transfer::~curl_transfer() {
  if (easy_ != nullptr) {
    multi_->remove(easy_);
    curl_easy_cleanup(easy_);
  }
  curl_slist_free_all(headers_);
}

void curl_transfer::start() {
  auto endpoint = url_endpoint(request_.url);
  if (!endpoint) return end(endpoint.error());
  endpoint_ = std::move(*endpoint);
  if (auto fault = header_fault(request_.headers)) return end(std::move(fault));
  CURL* const easy = curl_easy_init();
  if (easy == nullptr) throw std::bad_alloc();
  easy_ = easy;
  configure();
  deadlines_.start(std::chrono::steady_clock::now());
  if (multi_->add(easy, *this) != CURLM_OK) {
    curl_easy_cleanup(std::exchange(easy_, nullptr));
    return end(fail(errc::provider_unreachable, "the request could not be started"));
  }
  watch_deadline();
}

int curl_transfer::on_request_sent(void* self, char* /*remote_address*/, char* /*local_address*/,
                                   int /*remote_port*/, int /*local_port*/) {
  auto& transfer = *static_cast<curl_transfer*>(self);
  transfer.deadlines_.send(std::chrono::steady_clock::now());
  transfer.watch_earlier_deadline();
  return CURL_PREREQFUNC_OK;
}

std::size_t curl_transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<curl_transfer*>(self)->take_header({data, size * count});
}

std::size_t curl_transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<curl_transfer*>(self)->take_body({data, size * count});
}

std::size_t curl_transfer::take_header(std::string_view line) {
  if (has_head_) return line.size();  // a trailer
  head_bytes_ += line.size();
  if (head_bytes_ > head_bytes_max) {
    failure_ = head_too_large(endpoint_);
    return 0;
  }
  const auto content = trimmed(line);
  if (line.starts_with("HTTP/")) {
    head_ = {};
    const auto space = content.find(' ');
    if (space != std::string_view::npos) {
      const auto* const end = content.data() + content.size();
      std::from_chars(content.data() + space + 1, end, head_.status);
    }
  } else if (content.empty()) {
    if (head_.status < 200) return line.size();
    has_head_ = true;
    deadlines_.take_head(std::chrono::steady_clock::now());
    watch_earlier_deadline();
    changed_->ring();
  } else if (const auto colon = content.find(':'); colon != std::string_view::npos) {
    head_.headers.add(trimmed(content.substr(0, colon)),
                      std::string(trimmed(content.substr(colon + 1))));
  }
  return line.size();
}

std::size_t curl_transfer::take_body(std::string_view piece) {
  if (discarded_) {
    *discarded_ += piece.size();
    return *discarded_ <= discarded_bytes_max ? piece.size() : 0;
  }
  if (body_.size() >= request_.buffered_bytes_max) {
    is_paused_ = true;
    deadlines_.pause();
    return CURL_WRITEFUNC_PAUSE;
  }
  body_.append(piece);
  const bool begins = deadlines_.where() != transfer_deadlines::phase::reading;
  deadlines_.take_body(std::chrono::steady_clock::now());
  if (begins) watch_earlier_deadline();
  changed_->ring();
  return piece.size();
}

void curl_transfer::on_ended(CURLcode code) {
  // A head that breaks off behind one of its lines is no failure to curl.
  if (code == CURLE_OK && !has_head_) code = CURLE_GOT_NOTHING;
  if (code == CURLE_OK || failure_) return end(std::move(failure_));
  if (deadlines_.where() == transfer_deadlines::phase::connecting && !is_descriptor_left()) {
    return end(fail(errc::overloaded,
                    fmt::format("there is no file descriptor left to connect to {}", endpoint_)));
  }
  auto when = circumstances();
  if (code == CURLE_COULDNT_CONNECT) {
    long os_error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
    when.os_error = static_cast<int>(os_error);
  }
  end(transfer_error(code, when));
}

void curl_transfer::on_unwatched() {
  end(could_not_watch(circumstances()));
}

transfer_circumstances curl_transfer::circumstances() const {
  transfer_circumstances when;
  when.endpoint = endpoint_;
  when.connected = deadlines_.where() != transfer_deadlines::phase::connecting;
  when.has_head = has_head_;
  when.says = curl_says_.data();
  when.connect_timeout = request_.connect_timeout;
  return when;
}

void curl_transfer::end(std::optional<error> failure) {
  if (is_ended_) return;
  const auto keep = multi_->take_back(*this);
  is_ended_ = true;
  failure_ = std::move(failure);
  watchdog_.cancel();
  if (easy_ != nullptr) {
    multi_->remove(easy_);
    curl_easy_cleanup(std::exchange(easy_, nullptr));
  }
  changed_->ring();
}

void curl_transfer::cancel() {
  end(request_cancelled());
  failure_ = request_cancelled();
  has_head_ = false;
  body_.clear();
}

void curl_transfer::let_end() {
  if (is_ended_ || !has_head_) return cancel();
  const auto self = shared_from_this();
  body_ = std::string();
  discarded_ = 0;
  deadlines_.end_within(discarding_max, std::chrono::steady_clock::now());
  multi_->leave_behind(self);
  resume();
  if (!is_ended_) watch_earlier_deadline();
}

void curl_transfer::resume() {
  if (!std::exchange(is_paused_, false) || easy_ == nullptr) return;
  deadlines_.resume(std::chrono::steady_clock::now());
  const auto code = curl_easy_pause(easy_, CURLPAUSE_CONT);
  if (code != CURLE_OK) return on_ended(code);
  watch_earlier_deadline();
}

void curl_transfer::watch_earlier_deadline() {
  if (deadlines_.next() < watchdog_at_) watch_deadline();
}

void curl_transfer::watch_deadline() {
  watchdog_at_ = deadlines_.next();
  watchdog_.expires_at(watchdog_at_);
  watchdog_.async_wait([weak = weak_from_this()](const aio::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self || self->is_ended_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now >= self->deadlines_.next()) {
      self->end(self->deadlines_.timeout_error(self->endpoint_, now));
    } else {
      self->watch_deadline();
    }
  });
}

aio::awaitable<result<client_response_head>> curl_transfer::head(
    std::shared_ptr<curl_transfer> self) {
  while (true) {
    if (self->has_head_) co_return self->head_;
    if (self->failure_ && self->is_ended_) co_return *self->failure_;
    co_await self->changed_->wait();
  }
}

aio::awaitable<result<std::string>> curl_transfer::read(std::shared_ptr<curl_transfer> self,
                                                        body_taker at_hand) {
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
    co_await self->changed_->wait();
  }
}

}  // namespace throughline::http
