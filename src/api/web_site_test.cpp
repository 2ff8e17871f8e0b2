#include "api/web_site.hpp"

#include <gmock/gmock.h>

#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

using http::method;
using testing::HasSubstr;

constexpr std::string_view browser =
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

constexpr std::array files{
    web_file{"/index.html", "text/html; charset=utf-8", "d1", "<!doctype html>", "(gz page)",
             "(br page)"},
    web_file{"/assets/index-1a2b.js", "text/javascript; charset=utf-8", "d2", "let a = 1;",
             "(gz script)", "(br)"},
    web_file{"/assets/a-3c4d.woff2", "font/woff2", "d3", "(font)", "", ""},
    web_file{"/sw.js", "text/javascript; charset=utf-8", "d4", "(worker)", "", "(br worker)"},
    // Routes go before files.
    web_file{"/conversations", "text/plain", "d5", "(no route)", "", ""},
};

class web_routes : public api_test {
 protected:
  web_routes() { set_options({.web = files}); }

  std::string field(const http::response& reply, std::string_view name) {
    return std::string(reply.headers.find(name).value_or(""));
  }
  http::response visit(const std::string& target, header_list headers = {}) {
    headers.emplace_back("Accept", browser);
    return get(target, headers);
  }
  static void is_page(const http::response& reply) {
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.content(), "<!doctype html>");
  }
  static void is_unknown(const http::response& reply) {
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(reply.headers.find("Content-Type"), "application/problem+json");
  }
};

TEST_F(web_routes, one_page_serves_every_address_of_a_browser) {
  for (const auto* path : {"/", "/index.html", "/c/0199d3f0-0000-7000-8000-000000000000",
                           "/settings", "/what/is/this", "/?source=pwa", "/c/x?m=1", "/apis"}) {
    is_page(visit(path));
  }
  is_page(get("/"));  // whatever comes: an application that keeps it asks by a script
}

TEST_F(web_routes, programs_and_the_paths_of_the_api_get_problems) {
  for (const auto* path : {"/settings", "/c/x", "/nothing"}) {
    is_unknown(get(path));
    is_unknown(get(path, {{"Accept", "application/json"}}));
    is_unknown(ask(method::post, path, "", {{"Accept", std::string(browser)}}));
  }
  for (const auto* path : {"/api/v1/nothing", "/api/", "/assets/index-old.js", "/assets/",
                           "/conversations/0199d3f0-0000-7000-8000-000000000000"}) {
    is_unknown(visit(path));
  }
  EXPECT_EQ(visit("/chat/messages").status, 405);
  EXPECT_EQ(field(visit("/conversations"), "Content-Type"), "application/json; charset=utf-8");
}

TEST_F(web_routes, a_file_has_only_the_methods_that_read) {
  for (const auto* path : {"/", "/sw.js", "/assets/index-1a2b.js"}) {
    const auto reply = post(path);
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(field(reply, "Allow"), "GET, HEAD");
    EXPECT_EQ(ask(method::head, path).status, 200);
  }
}

TEST_F(web_routes, a_file_is_sent_where_it_lies_in_the_coding_that_fits) {
  const std::string path = "/assets/index-1a2b.js";
  const auto plain = get(path);
  EXPECT_EQ(plain.lasting_body.data(), files[1].bytes.data()) << "not a copy";
  EXPECT_EQ(plain.body, "");
  EXPECT_EQ(field(plain, "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_FALSE(plain.headers.find("Content-Encoding"));

  const auto brotli = get(path, {{"Accept-Encoding", "gzip, deflate, br, zstd"}});
  EXPECT_EQ(brotli.lasting_body.data(), files[1].brotli.data());
  EXPECT_EQ(field(brotli, "Content-Encoding"), "br");
  const auto gzip = get(path, {{"Accept-Encoding", "gzip, deflate"}});
  EXPECT_EQ(gzip.content(), "(gz script)");
  EXPECT_EQ(field(gzip, "Content-Encoding"), "gzip");

  const auto font = get("/assets/a-3c4d.woff2", {{"Accept-Encoding", "gzip, br"}});
  EXPECT_EQ(font.content(), "(font)");
  EXPECT_FALSE(font.headers.find("Content-Encoding"));
  for (const auto& reply : {plain, brotli, gzip, font}) {
    EXPECT_EQ(field(reply, "Vary"), "Accept-Encoding");
  }
}

TEST_F(web_routes, each_coding_has_a_tag_and_a_copy_is_not_sent_again) {
  std::set<std::string> tags;
  for (const auto* coding : {"identity", "gzip", "br"}) {
    const header_list takes{{"Accept-Encoding", coding}};
    const auto whole = get("/assets/index-1a2b.js", takes);
    const auto tag = field(whole, "ETag");
    EXPECT_TRUE(tags.insert(tag).second) << tag;
    EXPECT_EQ(tag.front(), '"') << "a strong one";
    auto same = get("/assets/index-1a2b.js", {takes.front(), {"If-None-Match", "\"x\", " + tag}});
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.content(), "");
    EXPECT_FALSE(same.headers.find("Content-Type"));
    for (const auto* name : {"ETag", "Vary", "Cache-Control", "Content-Security-Policy"}) {
      EXPECT_EQ(field(same, name), field(whole, name));
    }
    EXPECT_EQ(get("/sw.js", {takes.front(), {"If-None-Match", tag}}).status, 200);
  }
}

TEST_F(web_routes, only_what_is_named_by_its_bytes_is_kept_unasked) {
  for (const auto* path : {"/assets/index-1a2b.js", "/assets/a-3c4d.woff2"}) {
    EXPECT_EQ(field(get(path), "Cache-Control"), "public, max-age=31536000, immutable");
  }
  for (const auto* path : {"/", "/sw.js", "/c/x"}) {
    EXPECT_EQ(field(visit(path), "Cache-Control"), "no-cache");
  }
  EXPECT_EQ(field(get("/assets/gone.js"), "Cache-Control"), "no-store");
}

TEST_F(web_routes, carry_what_keeps_a_browser_safe) {
  for (const auto* path : {"/", "/settings", "/sw.js", "/assets/index-1a2b.js"}) {
    const auto reply = visit(path);
    EXPECT_EQ(
        field(reply, "Content-Security-Policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "require-trusted-types-for 'script'; trusted-types throughline-sw");
    EXPECT_EQ(field(reply, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(field(reply, "X-Frame-Options"), "DENY");
    EXPECT_EQ(field(reply, "Referrer-Policy"), "same-origin");
    EXPECT_EQ(field(reply, "Cross-Origin-Opener-Policy"), "same-origin");
    EXPECT_EQ(field(reply, "Cross-Origin-Resource-Policy"), "same-origin");
    const auto closed = field(reply, "Permissions-Policy");
    EXPECT_THAT(closed, HasSubstr("camera=(), "));
    EXPECT_EQ(closed.find("clipboard-write"), std::string::npos) << "answers can be copied";
  }
  for (const auto* path : {"/conversations", "/nothing"}) {
    EXPECT_EQ(field(get(path), "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(field(get(path), "Cross-Origin-Resource-Policy"), "same-origin");
  }
}

TEST_F(web_routes, are_not_there_without_an_application_nor_at_a_worker) {
  set_options({});
  is_unknown(visit("/"));
  set_options({.only_operations = true, .web = files});
  is_unknown(visit("/"));
  is_unknown(get("/sw.js"));
}

class web_routes_with_token : public web_routes {
 protected:
  web_routes_with_token() { door_ = guard::door({.access_token = "a token that is long enough"}); }
};

TEST_F(web_routes_with_token, give_files_to_strangers_and_send_them_to_sign_in_for_the_page) {
  for (const auto* path : {"/sw.js", "/assets/index-1a2b.js", "/assets/a-3c4d.woff2"}) {
    EXPECT_EQ(get(path).status, 200) << path;
  }
  for (const auto& [path, next] :
       {std::pair("/", "/"), std::pair("/c/1-2?m=3", "/c/1-2"), std::pair("/settings", "/settings"),
        std::pair("/index.html", "/index.html")}) {
    const auto reply = visit(path);
    EXPECT_EQ(reply.status, 303) << path;
    EXPECT_EQ(field(reply, "Location"), std::string("/sign-in?next=") + next);
    EXPECT_EQ(get(path).status, 401) << path;
  }
  EXPECT_EQ(get("/conversations").status, 401) << "a route's, though there is a file";
  EXPECT_EQ(get("/assets/gone.js").status, 401);
  const header_list known{{"Authorization", "Bearer a token that is long enough"}};
  is_page(get("/", known));
  is_page(visit("/settings", known));
}

}  // namespace
}  // namespace throughline::api
