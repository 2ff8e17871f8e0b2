#include "http/curl_transfer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/assert.hpp"
#include "http/curl_errors.hpp"

namespace throughline::http {
namespace {

constexpr std::size_t head_bytes_max = 256 * 1024;
// What a connection's further use is worth when the rest of a body is not wanted.
constexpr std::size_t discarded_bytes_max = 256 * 1024;
constexpr std::chrono::seconds discarding_max{1};

error cancelled() {
  return fail(errc::cancelled, "the request was cancelled");
}

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
  for (const auto& [name, value] : request_.headers) {
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return end(fail(errc::invalid_request,
                      fmt::format("the value of the header {:.40} is not one line", name)));
    }
  }
  CURL* const easy = curl_easy_init();
  if (easy == nullptr) throw std::bad_alloc();
  easy_ = easy;
  configure();
  started_at_ = std::chrono::steady_clock::now();
  if (multi_->add(easy, *this) != CURLM_OK) {
    curl_easy_cleanup(std::exchange(easy_, nullptr));
    return end(fail(errc::provider_unreachable, "the request could not be started"));
  }
  enter(phase::connecting);
}

int curl_transfer::on_request_sent(void* self, char* /*remote_address*/, char* /*local_address*/,
                                   int /*remote_port*/, int /*local_port*/) {
  auto& transfer = *static_cast<curl_transfer*>(self);
  transfer.sent_at_ = std::chrono::steady_clock::now();
  transfer.enter(phase::waiting_for_head);
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
    failure_ = fail(errc::provider_bad_response,
                    fmt::format("the head of the response of {} is too large", endpoint_));
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
    arrived_at_ = std::chrono::steady_clock::now();
    enter(phase::waiting_for_body);
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
    return CURL_WRITEFUNC_PAUSE;
  }
  body_.append(piece);
  arrived_at_ = std::chrono::steady_clock::now();
  if (phase_ != phase::reading) enter(phase::reading);
  changed_->ring();
  return piece.size();
}

void curl_transfer::on_ended(CURLcode code) {
  if (code == CURLE_OK || failure_) return end(std::move(failure_));
  if (phase_ == phase::connecting && !is_descriptor_left()) {
    return end(fail(errc::overloaded,
                    fmt::format("there is no file descriptor left to connect to {}", endpoint_)));
  }
  transfer_circumstances when;
  when.endpoint = endpoint_;
  when.connected = phase_ != phase::connecting;
  when.has_head = has_head_;
  when.curl_says = curl_says_.data();
  when.connect_timeout = request_.connect_timeout;
  if (code == CURLE_COULDNT_CONNECT) {
    long os_error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
    when.os_error = static_cast<int>(os_error);
  }
  end(transfer_error(code, when));
}

void curl_transfer::end(std::optional<error> failure) {
  if (is_ended_) return;
  const auto keep = multi_->take_back(*this);
  is_ended_ = true;
  failure_ = std::move(failure);
  if (!failure_ && !has_head_) {
    failure_ = fail(errc::provider_bad_response,
                    fmt::format("{} answered without a final status", endpoint_));
  }
  watchdog_.cancel();
  if (easy_ != nullptr) {
    multi_->remove(easy_);
    curl_easy_cleanup(std::exchange(easy_, nullptr));
  }
  changed_->ring();
}

void curl_transfer::cancel() {
  end(cancelled());
  failure_ = cancelled();
  has_head_ = false;
  body_.clear();
}

void curl_transfer::let_end() {
  if (is_ended_ || !has_head_) return cancel();
  const auto self = shared_from_this();
  body_ = std::string();
  discarded_ = 0;
  const auto spent = std::chrono::steady_clock::now() - started_at_;
  request_.total_timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(spent) + discarding_max;
  multi_->leave_behind(self);
  resume();
  if (!is_ended_ && deadline() < watchdog_at_) watch_deadline();
}

void curl_transfer::resume() {
  if (!std::exchange(is_paused_, false) || easy_ == nullptr) return;
  arrived_at_ = std::chrono::steady_clock::now();  // the pause was ours
  const auto code = curl_easy_pause(easy_, CURLPAUSE_CONT);
  if (code != CURLE_OK) return on_ended(code);
  enter(phase::reading);
}

void curl_transfer::enter(phase next) {
  phase_ = next;
  // Later deadlines are found when the timer rings; only an earlier one moves it.
  if (deadline() < watchdog_at_) watch_deadline();
}

steady_time curl_transfer::deadline() const {
  const auto total = started_at_ + request_.total_timeout;
  switch (phase_) {
    case phase::connecting:
      // Curl keeps this one; a moment more, in case it does not.
      return std::min(total, started_at_ + request_.connect_timeout + std::chrono::seconds(5));
    case phase::waiting_for_head:
      return std::min(total, sent_at_ + request_.first_byte_timeout);
    case phase::waiting_for_body:
      // Many servers send the head before they think: the first byte of the body has the same time.
      return std::min(total, std::max(sent_at_ + request_.first_byte_timeout,
                                      arrived_at_ + request_.idle_timeout));
    case phase::reading:
      return is_paused_ ? total : std::min(total, arrived_at_ + request_.idle_timeout);
  }
  return total;
}

error curl_transfer::timeout_error() const {
  if (std::chrono::steady_clock::now() >= started_at_ + request_.total_timeout) {
    return fail(errc::provider_timeout,
                fmt::format("the response of {} took longer than {}", endpoint_,
                            duration_text(request_.total_timeout)));
  }
  if (phase_ == phase::connecting) {
    return fail(errc::provider_unreachable,
                fmt::format("could not connect to {} within {}", endpoint_,
                            duration_text(request_.connect_timeout)));
  }
  if (phase_ == phase::reading) {
    return fail(errc::provider_timeout,
                fmt::format("{} sent nothing for {} in the middle of its response", endpoint_,
                            duration_text(request_.idle_timeout)));
  }
  return fail(errc::provider_timeout, fmt::format("{} did not answer within {}", endpoint_,
                                                  duration_text(request_.first_byte_timeout)));
}

void curl_transfer::watch_deadline() {
  watchdog_at_ = deadline();
  watchdog_.expires_at(watchdog_at_);
  watchdog_.async_wait([weak = weak_from_this()](const aio::error_code& ec) {
    const auto self = weak.lock();
    if (ec || !self || self->is_ended_) return;
    if (std::chrono::steady_clock::now() >= self->deadline()) {
      self->end(self->timeout_error());
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

aio::awaitable<result<std::string>> curl_transfer::read(std::shared_ptr<curl_transfer> self) {
  while (true) {
    if (!self->body_.empty()) {
      std::string taken = std::exchange(self->body_, {});
      self->resume();
      co_return taken;
    }
    if (self->is_ended_ && self->failure_) co_return *self->failure_;
    if (self->is_ended_) co_return std::string();
    co_await self->changed_->wait();
  }
}

}  // namespace throughline::http
