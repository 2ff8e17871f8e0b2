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

TEST(request_parser, does_not_ask_for_a_body_that_has_begun_or_that_there_is_not) {
  request_parser begun(limits);
  EXPECT_EQ(begun.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                       "Expect: 100-continue\r\n\r\na"),
            progress::need_more);
  request_parser chunk_begun(limits);
  EXPECT_EQ(chunk_begun.feed("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                             "Expect: 100-continue\r\n\r\n1\r\n"),
            progress::need_more);
  request_parser none(limits);
  EXPECT_EQ(none.feed("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"),
            progress::complete);
  request_parser old(limits);
  EXPECT_EQ(old.feed("POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
            progress::need_more);
}

struct acceptance {
  const char* what;
  std::string bytes;
  std::string body;
};

class accepted_requests : public ::testing::TestWithParam<acceptance> {};

TEST_P(accepted_requests, are_read_and_what_follows_is_left) {
  const auto& [what, bytes, body] = GetParam();
  request_parser parser(limits);
  ASSERT_EQ(parser.feed(bytes + "GET /next"), progress::complete)
      << what << parser.failure().detail;
  EXPECT_EQ(parser.message().body, body);
  EXPECT_EQ(parser.take_rest(), "GET /next");
}

INSTANTIATE_TEST_SUITE_P(
    corpus, accepted_requests,
    ::testing::Values(
        acceptance{"empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", ""},
        acceptance{"no blank after the colon", "GET / HTTP/1.1\r\nHost:h\r\n\r\n", ""},
        acceptance{"blanks around a value", "GET / HTTP/1.1\r\nHost: \t h \t\r\n\r\n", ""},
        acceptance{"an empty value", "GET / HTTP/1.1\r\nHost: h\r\nA:\r\n\r\n", ""},
        acceptance{"UTF-8 in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \xC3\xA9\r\n\r\n", ""},
        acceptance{"an address of version 6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", ""},
        acceptance{"a length with zeros",
                   "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0003\r\n\r\nabc", "abc"},
        acceptance{"a length of nothing", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
                   ""},
        acceptance{"a body of GET", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
                   "abc"},
        acceptance{"CHUNKED",
                   "POST / HTTP/1.1\r\nHost: h\r\nTRANSFER-ENCODING: ChunkeD\r\n\r\n"
                   "3\r\nabc\r\n0\r\n\r\n",
                   "abc"},
        acceptance{
            "extensions",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            "003;a;b=c ; d = \"e;\\\"f\" ;g\r\nabc\r\nA\r\n0123456789\r\n0;x\r\nB: c\r\n\r\n",
            "abc0123456789"}));

TEST(request_parser, takes_the_absolute_form) {
  request_parser parser(limits);
  EXPECT_EQ(parser.feed("GET http://example.org:80/x?y=1 HTTP/1.1\r\nHost: h\r\n\r\n"),
            progress::complete);
  EXPECT_EQ(parser.message().path, "/x");
  EXPECT_EQ(parser.message().query.find("y"), "1");
  EXPECT_EQ(parser.message().headers.find("Host"), "example.org:80");
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
  EXPECT_EQ(slow.failure().detail, whole.failure().detail) << what;
}

std::string many(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
const std::string chunks = start + "Transfer-Encoding: chunked\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    corpus, refused_requests,
    ::testing::Values(
        refusal{"no HTTP", "hello world\r\n\r\n"}, refusal{"TLS", "\x16\x03\x01\x02\r\n\r\n"},
        refusal{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", errc::version_not_supported},
        refusal{"unknown version", "GET / HTTP/1.9\r\nHost: h\r\n\r\n",
                errc::version_not_supported},
        refusal{"version in lower case", "GET / http/1.1\r\nHost: h\r\n\r\n"},
        refusal{"version of one digit", "GET / HTTP/1\r\nHost: h\r\n\r\n"},
        refusal{"version and more", "GET / HTTP/1.1 x\r\nHost: h\r\n\r\n"},
        refusal{"HTTP/0.9", "GET /\r\n\r\n"},
        refusal{"no target", "GET  HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"two blanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"tab for a blank", "GET\t/\tHTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"blank in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"blank before the method", " GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"method that is no token", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"NUL in the target", std::string("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n", 31)},
        refusal{"raw UTF-8 in the target", "GET /\xC3\xA9 HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"bare CR in the target", "GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"star of GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"absolute form without host", "GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"absolute form with a user", "GET http://me@h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"a scheme and nothing else", "GET HTTP HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"a scheme and one slash", "GET http:/x HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"bare line feed in the head", "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n"},
        refusal{"bare line feed at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n"},
        refusal{"bare CR in a value", start + "A: b\rc\r\n\r\n"},
        refusal{"bare CR before the end", start + "A: b\r\r\n\r\n"},
        refusal{"folded field", start + "A: b\r\n c\r\n\r\n"},
        refusal{"folded with a tab", start + "A: b\r\n\tc\r\n\r\n"},
        refusal{"folded first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
        refusal{"empty name", start + ": b\r\n\r\n"},
        refusal{"name with a blank", start + "A B: c\r\n\r\n"},
        refusal{"name with a line feed", start + "A\nB: c\r\n\r\n"},
        refusal{"name in UTF-8", start + "\xC3\xA9: c\r\n\r\n"},
        refusal{"tab before colon", start + "Name\t: value\r\n\r\n"},
        refusal{"DEL in a value", start + "A: b\x7F\r\n\r\n"},
        refusal{"escape in a value", start + "A: \x1B[1m\r\n\r\n"},
        refusal{"host with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"},
        refusal{"host with a user", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n"},
        refusal{"list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
        refusal{"host with a bad port", "GET / HTTP/1.1\r\nHost: h:8x\r\n\r\n"},
        refusal{"half a bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
        refusal{"two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
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
        refusal{"empty length", start + "Content-Length:\r\n\r\nabc"},
        refusal{"length with a blank", start + "Content-Length: 1 0\r\n\r\nabc"},
        refusal{"length with a point", start + "Content-Length: 3.0\r\n\r\nabc"},
        refusal{"length in wide digits", start + "Content-Length: \xEF\xBC\x93\r\n\r\nabc"},
        refusal{"overflowing length", start + "Content-Length: 99999999999999999999\r\n\r\n",
                errc::payload_too_large},
        refusal{"length that wraps to 3", start + "Content-Length: 18446744073709551619\r\n\r\nabc",
                errc::payload_too_large},
        refusal{"length under another coding",
                start + "Content-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\nabc"},
        refusal{"length and an empty coding",
                start + "Content-Length: 3\r\nTransfer-Encoding:\r\n\r\nabc"},
        refusal{"gzip coding", start + "Transfer-Encoding: gzip, chunked\r\n\r\n",
                errc::not_implemented},
        refusal{"gzip in a field of its own",
                start + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
                errc::not_implemented},
        refusal{"coding like chunked", start + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
        refusal{"chunked with a parameter",
                start + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"},
        refusal{"chunked in quotes", start + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"},
        refusal{"chunked after nothing", start + "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n"},
        refusal{"chunked behind a vertical tab", start + "Transfer-Encoding: \x0B"
                                                         "chunked\r\n\r\n0\r\n\r\n"},
        refusal{"chunked twice in one field",
                start + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
        refusal{"another expectation", start + "Content-Length: 3\r\nExpect: 200-ok\r\n\r\nabc",
                errc::expectation_failed},
        refusal{"chunked not last", start + "Transfer-Encoding: chunked, gzip\r\n\r\n"},
        refusal{"identity coding", start + "Transfer-Encoding: identity\r\n\r\n"},
        refusal{"chunked twice",
                start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
        refusal{"coding in HTTP/1.0",
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        refusal{"bad chunk size", start + "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n"},
        refusal{"chunk without end",
                start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"},
        refusal{"negative chunk size", chunks + "-3\r\nabc\r\n0\r\n\r\n"},
        refusal{"chunk size with a plus", chunks + "+3\r\nabc\r\n0\r\n\r\n"},
        refusal{"chunk size with 0x", chunks + "0x3\r\nabc\r\n0\r\n\r\n"},
        refusal{"chunk size behind a blank", chunks + " 3\r\nabc\r\n0\r\n\r\n"},
        refusal{"chunk size before a blank", chunks + "3 \r\nabc\r\n0\r\n\r\n"},
        refusal{"no chunk size", chunks + "\r\nabc\r\n0\r\n\r\n"},
        refusal{"no chunk size but an extension", chunks + ";a=b\r\nabc\r\n0\r\n\r\n"},
        refusal{"chunk size of 17 digits", chunks + "00000000000000003\r\nabc\r\n0\r\n\r\n"},
        refusal{"chunk size that wraps to 3", chunks + "10000000000000003\r\nabc\r\n0\r\n\r\n"},
        refusal{"largest chunk size", chunks + "ffffffffffffffff\r\nabc\r\n",
                errc::payload_too_large},
        refusal{"bare line feed after the size", chunks + "3\nabc\r\n0\r\n\r\n"},
        refusal{"bare line feed in an extension", chunks + "3;a\nabc\r\n0\r\n\r\n"},
        refusal{"bare CR in an extension", chunks + "3;a\rb\r\nabc\r\n0\r\n\r\n"},
        refusal{"extension without a name", chunks + "3;\r\nabc\r\n0\r\n\r\n"},
        refusal{"extension without a value", chunks + "3;a=\r\nabc\r\n0\r\n\r\n"},
        refusal{"quotes that do not end", chunks + "3;a=\"b\r\nabc\r\n0\r\n\r\n"},
        refusal{"something else after the size", chunks + "3,a\r\nabc\r\n0\r\n\r\n"},
        refusal{"bare line feed after a chunk", chunks + "3\r\nabc\n0\r\n\r\n"},
        refusal{"chunk one byte too long", chunks + "3\r\nabcd\r\n0\r\n\r\n"},
        refusal{"bare line feed in the trailer", chunks + "0\r\nA: b\n\r\n"},
        refusal{"bare line feed for a trailer", chunks + "0\r\n\n"},
        refusal{"folded trailer", chunks + "0\r\nA: b\r\n c\r\n\r\n"},
        refusal{"request for a trailer", chunks + "0\r\nGET / HTTP/1.1\r\n\r\n"},
        refusal{"endless chunk extension", chunks + "3;" + std::string(2000, 'x'),
                errc::head_too_large},
        refusal{"extensions that sum up",
                chunks + many("1;" + std::string(50, 'x') + "\r\na\r\n", 30), errc::head_too_large},
        refusal{"endless trailer", chunks + "0\r\nA: " + std::string(2000, 'x'),
                errc::head_too_large},
        refusal{"trailers without end", chunks + "0\r\n" + many("A: b\r\n", 200),
                errc::head_too_large},
        refusal{"head too large", start + "Name: " + std::string(2000, 'x') + "\r\n\r\n",
                errc::head_too_large},
        refusal{"head without end", start + many("A: b\r\n", 200), errc::head_too_large},
        refusal{"endless request line", "GET /" + std::string(2000, 'x'), errc::target_too_long},
        refusal{"endless empty lines", many("\r\n", 600), errc::target_too_long},
        refusal{"body too large", start + "Content-Length: 101\r\n\r\n", errc::payload_too_large},
        refusal{"chunks too large",
                start + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') + "\r\n",
                errc::payload_too_large},
        refusal{"target is no path", "GET hello HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"CONNECT", "CONNECT example.org:443 HTTP/1.1\r\nHost: h\r\n\r\n",
                errc::not_implemented},
        refusal{"fragment", "GET /#top HTTP/1.1\r\nHost: h\r\n\r\n"},
        refusal{"bad escape in query", "GET /?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n"}));

TEST(request_parser, refuses_too_many_fields) {
  server_limits wide;
  wide.head_bytes_max = 64 * 1024;
  std::string bytes = start;
  for (int i = 0; i < 200; ++i) bytes += "A: b\r\n";
  request_parser parser(wide);
  EXPECT_EQ(parser.feed(bytes + "\r\n"), progress::refused);
  EXPECT_EQ(parser.failure().code, errc::head_too_large);
}

TEST(request_parser, knows_the_wishes_for_a_connection) {
  const auto stays = [](const std::string& head) {
    request_parser parser(limits);
    EXPECT_EQ(parser.feed(head + "\r\n\r\n"), progress::complete) << head;
    return parser.keep_alive();
  };
  EXPECT_TRUE(stays("GET / HTTP/1.1\r\nHost: h"));
  EXPECT_FALSE(stays("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close"));
  EXPECT_FALSE(
      stays("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\nConnection: keep-alive"));
  EXPECT_TRUE(stays("GET / HTTP/1.0\r\nConnection: Keep-Alive"));
  EXPECT_FALSE(stays("GET / HTTP/1.0"));
}

}  // namespace
}  // namespace throughline::http
