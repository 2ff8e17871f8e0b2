// Requests and responses as handlers see them: plain values, without Beast and without sockets.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace throughline::http {

enum class method : std::uint8_t { get, head, post, put, patch, delete_, options, other };

[[nodiscard]] std::string_view to_string(method which) noexcept;

/// Whether two names of header fields are the same: ASCII, without case.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

/// Header fields in order; names compare without case.
class header_fields {
 public:
  void set(std::string_view name, std::string value);  // replaces
  void add(std::string_view name, std::string value);
  /// The first value, or nullopt.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// A query string, decoded. A name that comes twice keeps the first value.
class query_parameters {
 public:
  /// `invalid_request` for bad percent escapes or bytes that are not UTF-8.
  [[nodiscard]] static result<query_parameters> parse(std::string_view text);
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// nullopt if absent; `invalid_request` that names the parameter if it is not a whole number in
  /// [min, max].
  [[nodiscard]] result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t min,
                                                            std::int64_t max) const;
  /// true/1/yes/on, false/0/no/off.
  [[nodiscard]] result<std::optional<bool>> boolean(std::string_view name) const;
  /// The first parameter that is not among `known`.
  [[nodiscard]] std::optional<std::string_view> unknown(
      std::span<const std::string_view> known) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// Of the route, decoded.
using path_parameters = std::map<std::string, std::string, std::less<>>;

struct request {
  method verb = method::get;
  std::string path;  // decoded per segment by the router; here as sent, without the query
  query_parameters query;
  header_fields headers;
  std::string body;
  std::string remote_address;  // of the client, without the port: the peer, or whom it speaks for
  bool is_secure = false;      // it came over TLS, to here or to a trusted proxy
  std::string request_id;  // from X-Request-Id when sane ([A-Za-z0-9._-]{1,64}), else a new UUID
  http::path_parameters path_parameters;  // once the route is known
};

/// A browser that shows what comes to somebody, and not a script of its page.
[[nodiscard]] bool wants_page(const request& incoming);

struct response {
  int status = 200;
  header_fields headers;
  std::string body;
  std::string_view lasting_body{};  // sent instead of an empty body: bytes that outlive the server

  [[nodiscard]] std::string_view content() const noexcept {
    return body.empty() ? lasting_body : std::string_view(body);
  }
};

[[nodiscard]] response json_response(int status, std::string body);
/// application/problem+json (RFC 9457): type, title, status, detail, code, request_id;
/// `Retry-After` for those that may be retried: what the error says, else what its code says.
[[nodiscard]] response problem_response(const error& failure, std::string_view request_id);

}  // namespace throughline::http
