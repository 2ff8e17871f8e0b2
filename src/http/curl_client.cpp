#include "http/curl_client.hpp"

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "http/curl_multi.hpp"
#include "http/curl_transfer.hpp"

namespace throughline::http {
namespace {

class curl_stream final : public client_stream {
 public:
  explicit curl_stream(std::shared_ptr<curl_transfer> transfer) : transfer_(std::move(transfer)) {}
  ~curl_stream() override {
    if (transfer_) transfer_->cancel();
  }
  curl_stream(const curl_stream&) = delete;
  curl_stream& operator=(const curl_stream&) = delete;

  aio::awaitable<result<client_response_head>> head() override {
    return curl_transfer::head(transfer_);
  }
  aio::awaitable<result<std::string>> read(body_taker at_hand) override {
    return curl_transfer::read(transfer_, std::move(at_hand));
  }
  void cancel() override { transfer_->cancel(); }
  void let_end() override { std::exchange(transfer_, nullptr)->let_end(); }

 private:
  std::shared_ptr<curl_transfer> transfer_;
};

class curl_client final : public http_client {
 public:
  explicit curl_client(aio::event_loop& loop) : multi_(curl_multi::create(loop)) {
    // Where OpenSSL's own programs look for the certificates to trust; libcurl as a library does
    // not.
    if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr) ca_file_ = file;
  }
  ~curl_client() override { multi_->shut_down(); }
  curl_client(const curl_client&) = delete;
  curl_client& operator=(const curl_client&) = delete;

  std::unique_ptr<client_stream> start(client_request request) override {
    auto transfer = std::make_shared<curl_transfer>(multi_, std::move(request), ca_file_);
    transfer->start();
    return std::make_unique<curl_stream>(std::move(transfer));
  }

 private:
  std::shared_ptr<curl_multi> multi_;
  std::string ca_file_;
};

}  // namespace

std::unique_ptr<http_client> make_curl_client(aio::event_loop& loop) {
  return std::make_unique<curl_client>(loop);
}

}  // namespace throughline::http
