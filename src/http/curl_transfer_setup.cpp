// What curl is told about a request before it begins.
#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "http/client_url.hpp"
#include "http/curl_transfer.hpp"

namespace throughline::http {

void curl_transfer::configure() {
  const auto connect_ms = static_cast<long>(request_.connect_timeout.count());
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
  curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, std::max(connect_ms, 1L));
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  // A handle that is removed while its name is looked up must not wait for that.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, "throughline/" THROUGHLINE_VERSION);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, curl_says_.data());
  if (!ca_file_.empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO, ca_file_.c_str());
  // A proxy, which the environment names for the world outside, cannot reach a model of this
  // machine.
  if (is_loopback_endpoint(endpoint_)) curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &curl_transfer::on_request_sent);
  curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &curl_transfer::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &curl_transfer::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  configure_body();
  configure_headers();
}

void curl_transfer::configure_body() {
  if (request_.verb == method::get) return;
  if (request_.verb == method::head) {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(easy_, CURLOPT_POST, 1L);
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request_.body.size()));
  if (request_.verb != method::post) {
    const std::string verb(to_string(request_.verb));
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, verb.c_str());
  }
}

void curl_transfer::configure_headers() {
  const auto append = [this](const std::string& line) {
    curl_slist* const longer = curl_slist_append(headers_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    headers_ = longer;
  };
  append("Expect:");  // no pause before a large body
  for (const auto& [name, value] : request_.headers) {
    // Curl takes a name without a value for "do not send", and a semicolon for an empty value.
    append(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
}

}  // namespace throughline::http
