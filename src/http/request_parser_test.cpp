#include "http/request_parser.hpp"

#include <gtest/gtest.h>

namespace throughline::http {
namespace {

using progress = request_parser::progress;

const server_limits limits{.head_bytes_max = 1024, .body_bytes_max = 100};

TEST(request_parser, reads_a_request_in_one_piece) {
  request_parser parser(limits);
  ASSERT_EQ(parser.feed("POST /a%20b?x=1&y=2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
                        "X-Request-Id: abc-1\r\n\r\nhelloGET /"),
            progress::complete);
  const auto& message = parser.message();
  EXPECT_EQ(message.verb, method::post);
  EXPECT_EQ(message.path, "/a%20b");
  EXPECT_EQ(message.query.find("y"), "2");
  EXPECT_EQ(message.body, "hello");
  EXPECT_EQ(message.request_id, "abc-1");
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_EQ(parser.take_rest(), "GET /");
}

TEST(request_parser, reads_a_request_byte_by_byte) {
  const std::string_view bytes =
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n4;name=value\r\ndefg\r\n0\r\nTrailer: ignored\r\n\r\n";
  request_parser parser(limits);
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    ASSERT_EQ(parser.feed(bytes.substr(i, 1)), progress::need_more) << i;
  }
  ASSERT_EQ(parser.feed(bytes.substr(bytes.size() - 1)), progress::complete);
  EXPECT_EQ(parser.message().body, "abcdefg");
  EXPECT_FALSE(parser.message().headers.find("Trailer"));
  EXPECT_EQ(parser.take_rest(), "");
}

TEST(request_parser, reads_every_split_of_pipelined_requests) {
  const std::string both =
      "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: "
      "h\r\n\r\n";
  for (std::size_t cut = 1; cut < both.size(); ++cut) {
    std::string left;
    std::vector<std::string> paths;
    auto parser = std::make_unique<request_parser>(limits);
    for (const auto& piece : {both.substr(0, cut), both.substr(cut)}) {
      left = piece;
      while (!left.empty()) {
        const auto reached = parser->feed(left);
        left.clear();
        ASSERT_NE(reached, progress::refused) << cut;
        if (reached != progress::complete) break;
        paths.push_back(parser->message().path);
        left = parser->take_rest();
        parser = std::make_unique<request_parser>(limits);
      }
    }
    EXPECT_EQ(paths, (std::vector<std::string>{"/1", "/2"})) << cut;
  }
}

TEST(request_parser, reports_the_wish_for_100_continue_once) {
  request_parser parser(limits);
  EXPECT_EQ(parser.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                        "Expect: 100-Continue\r\n\r\n"),
            progress::wants_continue);
  EXPECT_EQ(parser.feed("a"), progress::need_more);
  EXPECT_EQ(parser.feed("b"), progress::complete);
}

TEST(request_parser, takes_the_absolute_form) {
  request_parser parser(limits);
  EXPECT_EQ(parser.feed("GET http://example.org:80/x?y=1 HTTP/1.1\r\nHost: h\r\n\r\n"),
            progress::complete);
  EXPECT_EQ(parser.message().path, "/x");
  EXPECT_EQ(parser.message().query.find("y"), "1");
}

TEST(request_parser, does_not_take_the_query_of_an_absolute_form_for_a_path) {
  request_parser parser(limits);
  EXPECT_EQ(parser.feed("GET http://example.org?next=/x HTTP/1.1\r\nHost: h\r\n\r\n"),
            progress::complete);
  EXPECT_EQ(parser.message().path, "/");
  EXPECT_EQ(parser.message().query.find("next"), "/x");
}

TEST(request_parser, makes_nothing_of_an_insane_request_id) {
  for (const std::string& id :
       {std::string("a b"), std::string("<script>"), std::string(65, 'a')}) {
    request_parser parser(limits);
    ASSERT_EQ(parser.feed("GET / HTTP/1.1\r\nHost: h\r\nX-Request-Id: " + id + "\r\n\r\n"),
              progress::complete);
    EXPECT_EQ(parser.message().request_id, "") << id;
  }
}

TEST(request_parser, knows_http_1_0) {
  request_parser parser(limits);
  EXPECT_EQ(parser.feed("GET / HTTP/1.0\r\n\r\n"), progress::complete);
  EXPECT_TRUE(parser.is_http_1_0());
  EXPECT_FALSE(parser.keep_alive());
}

struct refusal {
  const char* what;
  std::string bytes;
  errc code = errc::invalid_request;
};

class refused_requests : public ::testing::TestWithParam<refusal> {};

TEST_P(refused_requests, are_refused_whole_and_byte_by_byte) {
  const auto& [what, bytes, code] = GetParam();
  request_parser whole(limits);
  ASSERT_EQ(whole.feed(bytes), progress::refused) << what;
  EXPECT_EQ(whole.failure().code, code);
  EXPECT_FALSE(whole.failure().detail.empty());

  request_parser slow(limits);
  auto reached = progress::need_more;
  for (std::size_t i = 0; i < bytes.size() && reached == progress::need_more; ++i) {
    reached = slow.feed(std::string_view(bytes).substr(i, 1));
  }
  EXPECT_EQ(reached, progress::refused) << what;
}

const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";

INSTANTIATE_TEST_SUITE_P(
    corpus, refused_requests,
    ::testing::Values(
        refusal{"no HTTP", "hello world\r\n\r\n"}, refusal{"TLS", "\x16\x03\x01\x02\r\n\r\n"},
        refusal{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        refusal{"unknown version", "GET / HTTP/1.9\r\nHost: h\r\n\r\n"},
        refusal{"bare line feeds", "GET / HTTP/1.1\nHost: h\n\n\r\n\r\n"},
        refusal{"no host", "GET / HTTP/1.1\r\n\r\n"},
        refusal{"two hosts", start + "Host: other\r\n\r\n"},
        refusal{"space before colon", start + "Name : value\r\n\r\n"},
        refusal{"no colon", start + "Name\r\n\r\n"},
        refusal{"NUL in a value", start + std::string("Name: a\0b\r\n\r\n", 13)},
        refusal{"length and coding",
                start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        refusal{"coding and length",
                start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"},
        refusal{"two lengths", start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"},
        refusal{"one length twice", start + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
        refusal{"list of lengths", start + "Content-Length: 3, 3\r\n\r\nabc"},
        refusal{"signed length", start + "Content-Length: +3\r\n\r\nabc"},
        refusal{"negative length", start + "Content-Length: -3\r\n\r\nabc"},
        refusal{"hexadecimal length", start + "Content-Length: 0x3\r\n\r\nabc"},
        refusal{"overflowing length", start + "Content-Length: 99999999999999999999\r\n\r\n"},
        refusal{"gzip coding", start + "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        refusal{"chunked not last", start + "Transfer-Encoding: chunked, gzip\r\n\r\n"},
        refusal{"identity coding", start + "Transfer-Encoding: identity\r\n\r\n"},
        refusal{"chunked twice",
                start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
        refusal{"coding in HTTP/1.0",
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        refusal{"bad chunk size", start + "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n"},
        refusal{"chunk without end",
                start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"},
        refusal{"endless chunk extension",
                start + "Transfer-Encoding: chunked\r\n\r\n3;" + std::string(2000, 'x')},
        refusal{"endless trailer",
                start + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(2000, 'x')},
        refusal{"head too large", start + "Name: " + std::string(2000, 'x') + "\r\n\r\n"},
        refusal{"endless request line", "GET /" + std::string(2000, 'x')},
        refusal{"body too large", start + "Content-Length: 101\r\n\r\n", errc::payload_too_large},
        refusal{"chunks too large",
                start + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') + "\r\n",
                errc::payload_too_large},
        refusal{"target is no path", "GET hello HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"fragment", "GET /#top HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"bad escape in query", "GET /?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n"}));

TEST(request_parser, refuses_too_many_fields) {
  server_limits wide;
  wide.head_bytes_max = 64 * 1024;
  std::string bytes = start;
  for (int i = 0; i < 200; ++i) bytes += "A: b\r\n";
  request_parser parser(wide);
  EXPECT_EQ(parser.feed(bytes + "\r\n"), progress::refused);
}

}  // namespace
}  // namespace throughline::http
