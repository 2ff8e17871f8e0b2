// openapi.json says what is true of this binary: its version, every route with its path and query
// parameters, every error with its status, and nothing else. That real replies are as it says is
// tested from outside (tests/system/openapi.test.ts).
#include <boost/json/parse.hpp>
#include <map>
#include <set>

#include "api/embedded.hpp"
#include "api/routes.hpp"
#include "api/test_fixture.hpp"

namespace throughline::api {
namespace {

using names = std::set<std::string>;

const json::object& description() {
  static const json::object whole =
      json::parse(json::string_view(openapi_document.data(), openapi_document.size())).as_object();
  return whole;
}

/// What a value of the description is or refers to.
const json::object& resolve(const json::value& there) {
  const auto* const reference = there.as_object().if_contains("$ref");
  if (reference == nullptr) return there.as_object();
  json::error_code ec;
  const std::string_view pointer(reference->as_string().data(), reference->as_string().size());
  static const json::value whole(description());
  const auto* const found = whole.find_pointer(pointer.substr(1), ec);
  if (found == nullptr) throw std::runtime_error("nothing is at " + std::string(pointer));
  return found->as_object();
}

std::string text_of(const json::value& value) {
  return {value.as_string().data(), value.as_string().size()};
}

/// `GET /stream/{id}` with what it takes: `query:after`, `path:id`.
using calls = std::map<std::string, names>;

calls described_calls() {
  calls found;
  for (const auto& [path, item] : description().at("paths").as_object()) {
    for (const auto& [verb, operation] : item.as_object()) {
      if (verb == "parameters") continue;
      std::string call;
      for (const char c : verb) call += static_cast<char>(c - 'a' + 'A');
      call += ' ';
      call += std::string_view(path.data(), path.size());
      auto& takes = found[call];
      const auto* const parameters = operation.as_object().if_contains("parameters");
      if (parameters == nullptr) continue;
      for (const auto& listed : parameters->as_array()) {
        const auto& parameter = resolve(listed);
        if (parameter.at("in") == "header") continue;
        takes.insert(text_of(parameter.at("in")) + ":" + text_of(parameter.at("name")));
      }
    }
  }
  return found;
}

calls routed_calls(const std::vector<known_route>& routes) {
  calls found;
  for (const auto& route : routes) {
    auto& takes = found[std::string(http::to_string(route.verb)) + " " + route.pattern];
    for (const auto name : route.parameters) takes.insert("query:" + std::string(name));
    for (auto begin = route.pattern.find('{'); begin != std::string::npos;
         begin = route.pattern.find('{', begin + 1)) {
      const auto end = route.pattern.find('}', begin);
      takes.insert("path:" + route.pattern.substr(begin + 1, end - begin - 1));
    }
  }
  return found;
}

TEST(openapi_document, has_every_route_with_its_parameters_and_no_other) {
  route_list routes(nullptr);  // none is run
  add_routes(routes);
  const auto routed = routed_calls(routes.entered());
  const auto described = described_calls();
  for (const auto& [call, takes] : routed) {
    const auto found = described.find(call);
    if (found == described.end()) {
      ADD_FAILURE() << call << " is missing in openapi.json";
      continue;
    }
    EXPECT_EQ(found->second, takes) << "described and real parameters of " << call;
  }
  for (const auto& [call, takes] : described) {
    EXPECT_TRUE(routed.contains(call)) << call << " is in openapi.json, and no route takes it";
  }
}

TEST(openapi_document, is_of_this_version) {
  EXPECT_EQ(description().at("info").at("version"), THROUGHLINE_VERSION);
}

/// Codes of a reply by the status in the response that has them.
std::map<std::string, std::int64_t> described_codes() {
  std::map<std::string, std::int64_t> found;
  for (const auto& [name, response] : description().at("components").at("responses").as_object()) {
    if (!response.as_object().contains("content")) continue;  // no error
    const auto& schema = response.at("content").at("application/problem+json").at("schema");
    const auto& properties = schema.at("properties");
    for (const auto& code : properties.at("code").at("enum").as_array()) {
      const bool is_new =
          found.emplace(text_of(code), properties.at("status").at("const").as_int64()).second;
      EXPECT_TRUE(is_new) << code << " has two responses";
    }
  }
  return found;
}

names listed(std::string_view schema) {
  names found;
  const auto& schemas = description().at("components").at("schemas").as_object();
  for (const auto& code : schemas.at(schema).at("enum").as_array()) found.insert(text_of(code));
  return found;
}

TEST(openapi_document, has_every_error_and_no_other) {
  constexpr int status_of_an_answer = 502;
  names of_requests;
  names of_answers;
  std::map<std::string, std::int64_t> statuses;
  for (int code = 0; code <= static_cast<int>(errc::worker_lost); ++code) {
    const auto& what = describe(static_cast<errc>(code));
    const std::string name(what.code);
    if (what.http_status == status_of_an_answer) {
      of_answers.insert(name);
    } else {
      of_requests.insert(name);
      statuses.emplace(name, what.http_status);
    }
  }
  EXPECT_EQ(listed("ErrorCode"), of_requests);
  EXPECT_EQ(listed("AnswerErrorCode"), of_answers);
  EXPECT_EQ(described_codes(), statuses);
}

class document_routes : public api_test {};

TEST_F(document_routes, serve_what_the_binary_carries_and_know_a_copy) {
  for (const auto& [path, text] : {std::pair(std::string("/openapi.json"), openapi_document),
                                   std::pair(std::string("/docs"), docs_page)}) {
    const auto whole = get(path);
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.content(), text);
    EXPECT_EQ(whole.headers.find("Cache-Control"), "no-cache");
    const std::string tag(whole.headers.find("ETag").value_or(""));
    EXPECT_EQ(get("/api/v1" + path).headers.find("ETag"), tag);
    for (const auto& sent : {tag, "\"old\", W/" + tag, std::string("*")}) {
      const auto same = get(path, {{"If-None-Match", sent}});
      EXPECT_EQ(same.status, 304) << sent;
      EXPECT_EQ(same.content(), "");
      EXPECT_EQ(same.headers.find("ETag"), tag);
    }
    EXPECT_EQ(get(path, {{"If-None-Match", "\"old\""}}).status, 200);
  }
}

TEST_F(document_routes, let_the_page_run_its_own_script_and_nothing_else) {
  const auto page = get("/docs");
  const auto policy = page.headers.find("Content-Security-Policy").value_or("");
  EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'sha256-"));
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  for (const auto* const element : {"<script", "<style"}) {
    const auto first = page.content().find(element);
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(page.content().find(element, first + 1), std::string::npos) << "a second " << element;
  }
}

}  // namespace
}  // namespace throughline::api
