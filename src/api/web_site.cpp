#include "api/web_site.hpp"

#include <string>

#include "api/decode.hpp"
#include "api/page_policy.hpp"
#include "http/content_coding.hpp"

namespace throughline::api {
namespace {

constexpr std::string_view page_path = "/index.html";
/// Their names have a hash of their bytes: what a name stands for never changes.
constexpr std::string_view hashed_files = "/assets/";

/// Scripts and styles are the application's own files, and nothing is ever made of text, so that
/// what a model writes stays text. Nothing is loaded from elsewhere either: a picture would tell
/// its server what somebody reads.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types throughline-sw";

struct representation {
  std::string_view bytes;
  std::string_view coding;  // empty: none
};

representation choose(const web_file& file, const http::header_fields& headers) {
  const http::available_codings exist{.gzip = !file.gzip.empty(), .brotli = !file.brotli.empty()};
  switch (http::choose_coding(headers, exist)) {
    case http::content_coding::brotli:
      return {file.brotli, "br"};
    case http::content_coding::gzip:
      return {file.gzip, "gzip"};
    case http::content_coding::identity:
      break;
  }
  return {file.bytes, {}};
}

/// Strong: one for each coding.
std::string make_tag(const web_file& file, std::string_view coding) {
  std::string tag = '"' + std::string(file.digest);
  if (!coding.empty()) tag.append("-").append(coding);
  return tag + '"';
}

http::response show(const web_file& file, const http::request& incoming) {
  const auto chosen = choose(file, incoming.headers);
  const auto tag = make_tag(file, chosen.coding);
  http::response reply;
  reply.headers.set("ETag", tag);
  reply.headers.set("Vary", "Accept-Encoding");
  reply.headers.set("Cache-Control", file.path.starts_with(hashed_files)
                                         ? "public, max-age=31536000, immutable"
                                         : "no-cache");
  reply.headers.set("Content-Security-Policy", std::string(policy));
  add_page_headers(reply.headers);
  if (has_copy(incoming, tag)) {
    reply.status = 304;
    return reply;
  }
  reply.headers.set("Content-Type", std::string(file.type));
  if (!chosen.coding.empty()) reply.headers.set("Content-Encoding", std::string(chosen.coding));
  reply.lasting_body = chosen.bytes;
  return reply;
}

}  // namespace

web_site::web_site(web_files files) {
  for (const auto& file : files) files_.emplace(file.path, &file);
  const auto found = files_.find(page_path);
  if (found == files_.end()) return;
  page_ = found->second;
  files_.emplace("/", page_);
}

const web_file* web_site::find(std::string_view path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : found->second;
}

std::optional<http::response> web_site::answer(const http::request& incoming) const {
  const std::string_view path = incoming.path;
  if (const auto* const file = find(path)) return show(*file, incoming);
  const bool is_elsewhere = path.starts_with("/api/") || path.starts_with(hashed_files);
  if (page_ == nullptr || is_elsewhere || !http::wants_page(incoming)) return std::nullopt;
  return show(*page_, incoming);
}

bool web_site::has(std::string_view path) const {
  return find(path) != nullptr;
}

bool web_site::is_public(std::string_view path) const {
  const auto* const file = find(path);
  return file != nullptr && file != page_;
}

}  // namespace throughline::api
