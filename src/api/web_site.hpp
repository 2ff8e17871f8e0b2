// The web application: files that the binary carries, each in the codings in which it is sent. What
// no route takes is looked for here (api.cpp). One page serves every address of the application:
// which of them there are is known to its script alone.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "http/message.hpp"

namespace throughline::api {

/// All of it outlives the server: it is part of the binary (src/web_files.cpp).
struct web_file {
  std::string_view path;    // as browsers ask for it: "/assets/index-BqX2f.js"
  std::string_view type;    // its Content-Type
  std::string_view digest;  // of its bytes: other bytes have another
  std::string_view bytes;
  std::string_view gzip;  // the same, coded; empty: that would not be smaller
  std::string_view brotli;
};
using web_files = std::span<const web_file>;

class web_site {
 public:
  /// No files: no application, and nothing is answered.
  explicit web_site(web_files files);

  /// A file, or the page for a browser that opens any address but those below /api and /assets;
  /// nullopt: there is nothing. REQUIRES: GET or HEAD.
  [[nodiscard]] std::optional<http::response> answer(const http::request& incoming) const;

  /// There is a file of this name: other methods than GET and HEAD are not allowed.
  [[nodiscard]] bool has(std::string_view path) const;
  /// Of a file that strangers may have, too: all but the page, which would be of no use to them.
  /// Compared as it was sent.
  [[nodiscard]] bool is_public(std::string_view path) const;

 private:
  [[nodiscard]] const web_file* find(std::string_view path) const;

  std::map<std::string_view, const web_file*> files_;
  const web_file* page_ = nullptr;
};

}  // namespace throughline::api
