#include "http/client.hpp"

#include <memory>
#include <utility>

#include "http/curl_client.hpp"
#include "http/direct_connections.hpp"
#include "http/direct_target.hpp"
#include "http/direct_transfer.hpp"

namespace throughline::http {
namespace {

class direct_stream final : public client_stream {
 public:
  explicit direct_stream(std::shared_ptr<direct_transfer> transfer)
      : transfer_(std::move(transfer)) {}
  ~direct_stream() override {
    if (transfer_) transfer_->cancel();
  }
  direct_stream(const direct_stream&) = delete;
  direct_stream& operator=(const direct_stream&) = delete;

  aio::awaitable<result<client_response_head>> head() override {
    return direct_transfer::head(transfer_);
  }
  aio::awaitable<result<std::string>> read(body_taker at_hand) override {
    return direct_transfer::read(transfer_, std::move(at_hand));
  }
  void cancel() override { transfer_->cancel(); }
  void let_end() override { std::exchange(transfer_, nullptr)->let_end(); }

 private:
  std::shared_ptr<direct_transfer> transfer_;
};

/// Sends each request the shortest way.
class choosing_client final : public http_client {
 public:
  explicit choosing_client(aio::event_loop& loop)
      : direct_(direct_connections::create(loop)), curl_(make_curl_client(loop)) {}
  ~choosing_client() override { direct_->shut_down(); }
  choosing_client(const choosing_client&) = delete;
  choosing_client& operator=(const choosing_client&) = delete;

  std::unique_ptr<client_stream> start(client_request request) override {
    auto target = direct_target_of(request.url);
    if (!target) return curl_->start(std::move(request));
    auto transfer = std::make_shared<direct_transfer>(direct_, request, std::move(*target));
    transfer->start(request);
    return std::make_unique<direct_stream>(std::move(transfer));
  }

 private:
  std::shared_ptr<direct_connections> direct_;
  std::unique_ptr<http_client> curl_;
};

}  // namespace

std::unique_ptr<http_client> make_http_client(aio::event_loop& loop) {
  return std::make_unique<choosing_client>(loop);
}

}  // namespace throughline::http
