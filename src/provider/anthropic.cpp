#include "provider/anthropic.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "provider/anthropic_events.hpp"
#include "provider/base_url.hpp"
#include "provider/request_parts.hpp"

namespace throughline::provider {
namespace {

class anthropic_provider final : public provider {
 public:
  anthropic_provider(anthropic_options options, http_clients& clients)
      : options_(std::move(options)), clients_(clients) {
    options_.api_key = trimmed_key(options_.api_key);
  }

  const std::string& name() const override { return options_.name; }

  std::unique_ptr<completion> start(aio::event_loop& loop, completion_request request) override {
    http_call call;
    call.request = make_request(anthropic_url(options_.base_url, "/messages"), headers(),
                                options_.extra_headers, options_.timeouts);
    call.request.body = body(request);
    call.parser = std::make_unique<anthropic_events>();
    call.secrets = secrets_of(options_.api_key, options_.extra_headers);
    return start_http_completion(clients_.of(loop), loop, std::move(call));
  }

  aio::awaitable<result<std::vector<std::string>>> list_models(aio::event_loop& loop) override {
    auto request = make_request(anthropic_url(options_.base_url, "/models"), headers(),
                                options_.extra_headers, options_.timeouts);
    return fetch_models(clients_.of(loop), std::move(request),
                        secrets_of(options_.api_key, options_.extra_headers));
  }

 private:
  header_list headers() const {
    header_list fields{{"Content-Type", "application/json"},
                       {"Accept", "text/event-stream, application/json"},
                       {"anthropic-version", options_.version}};
    if (options_.api_key.empty()) return fields;
    if (options_.auth == anthropic_auth::bearer) {
      fields.emplace_back("Authorization", "Bearer " + options_.api_key);
    } else {
      fields.emplace_back("x-api-key", options_.api_key);
    }
    return fields;
  }

  std::string body(const completion_request& request) const {
    std::string system;
    json::array messages;
    for (const auto& message : request.messages) {
      // The API refuses a message without text, such as an answer that was stopped before its first
      // word.
      if (message.content.find_first_not_of(" \t\r\n") == std::string::npos) continue;
      if (message.from == role::system) {
        system += (system.empty() ? "" : "\n\n") + message.content;
      } else {
        messages.push_back(
            json::object{{"role", role_name(message.from)}, {"content", message.content}});
      }
    }
    json::object fields{{"model", request.model},
                        {"max_tokens", options_.max_tokens},
                        {"messages", std::move(messages)},
                        {"stream", true}};
    if (!system.empty()) fields["system"] = system;
    merge_body(fields, options_.extra_body);
    return json::serialize(fields);
  }

  anthropic_options options_;
  http_clients& clients_;
};

}  // namespace

std::shared_ptr<provider> make_anthropic_provider(anthropic_options options,
                                                  http_clients& clients) {
  return std::make_shared<anthropic_provider>(std::move(options), clients);
}

}  // namespace throughline::provider
