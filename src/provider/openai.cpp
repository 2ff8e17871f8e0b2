#include "provider/openai.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "provider/base_url.hpp"
#include "provider/openai_events.hpp"
#include "provider/request_parts.hpp"

namespace throughline::provider {
namespace {

class openai_provider final : public provider {
 public:
  openai_provider(openai_options options, http_clients& clients)
      : options_(std::move(options)), clients_(clients) {
    options_.api_key = trimmed_key(options_.api_key);
  }

  const std::string& name() const override { return options_.name; }

  std::unique_ptr<completion> start(aio::event_loop& loop, completion_request request) override {
    http_call call;
    call.request = make_request(openai_url(options_.base_url, "/chat/completions"), headers(),
                                options_.extra_headers, options_.timeouts);
    call.request.body = body(request);
    call.parser = std::make_unique<openai_events>();
    call.secrets = secrets_of(options_.api_key, options_.extra_headers);
    call.trailing_max = options_.trailing_max;
    return start_http_completion(clients_.of(loop), loop, std::move(call));
  }

  aio::awaitable<result<std::vector<std::string>>> list_models(aio::event_loop& loop) override {
    auto request = make_request(openai_url(options_.base_url, "/models"), headers(),
                                options_.extra_headers, options_.timeouts);
    return fetch_models(clients_.of(loop), std::move(request),
                        secrets_of(options_.api_key, options_.extra_headers));
  }

 private:
  header_list headers() const {
    header_list fields{{"Content-Type", "application/json"},
                       {"Accept", "text/event-stream, application/json"}};
    if (!options_.api_key.empty())
      fields.emplace_back("Authorization", "Bearer " + options_.api_key);
    return fields;
  }

  std::string body(const completion_request& request) const {
    json::array messages;
    for (const auto& message : request.messages) {
      messages.push_back(
          json::object{{"role", role_name(message.from)}, {"content", message.content}});
    }
    json::object fields{{"model", request.model},
                        {"messages", std::move(messages)},
                        {"stream", true},
                        {"stream_options", json::object{{"include_usage", true}}}};
    merge_body(fields, options_.extra_body);
    return json::serialize(fields);
  }

  openai_options options_;
  http_clients& clients_;
};

}  // namespace

std::shared_ptr<provider> make_openai_provider(openai_options options, http_clients& clients) {
  return std::make_shared<openai_provider>(std::move(options), clients);
}

}  // namespace throughline::provider
