#include "provider/http_clients.hpp"

#include "base/assert.hpp"

namespace throughline::provider {

http_clients::http_clients(aio::event_loops& loops) {
  for (std::size_t i = 0; i < loops.size(); ++i) {
    clients_.emplace(&loops[i], http::make_http_client(loops[i]));
  }
}

http_clients::http_clients(aio::event_loop& loop) {
  clients_.emplace(&loop, http::make_http_client(loop));
}

http::http_client& http_clients::of(const aio::event_loop& loop) const {
  const auto found = clients_.find(&loop);
  THROUGHLINE_ASSERT(found != clients_.end());
  return *found->second;
}

}  // namespace throughline::provider
