#include "redis/server.hpp"

#include <fmt/format.h>

#include <boost/asio/ssl/host_name_verification.hpp>

namespace throughline::redis {

result<server> make_server(address at) {
  namespace ssl = boost::asio::ssl;
  server out{std::move(at), nullptr};
  if (!out.at.is_tls) return out;
  out.tls = std::make_shared<ssl::context>(ssl::context::tls_client);
  boost::system::error_code failed;
  if (out.at.ca_file.empty()) {
    out.tls->set_default_verify_paths(failed);
  } else {
    out.tls->load_verify_file(out.at.ca_file, failed);
  }
  if (failed) {
    return fail(errc::invalid_request,
                fmt::format("the certificates for Redis in {} cannot be read: {}",
                            out.at.ca_file.empty() ? "the system's directory" : out.at.ca_file,
                            failed.message()));
  }
  out.tls->set_verify_mode(out.at.is_verified ? ssl::verify_peer : ssl::verify_none);
  if (out.at.is_verified) out.tls->set_verify_callback(ssl::host_name_verification(out.at.host));
  return out;
}

}  // namespace throughline::redis
