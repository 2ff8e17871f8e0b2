// Each request here is one that two readers could understand differently, and is followed by a
// marker: a request of its own for a reader that was led astray. The marker must never be answered.
// And the other way round: what is not ambiguous leaves the next request where it is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>

#include "base/json.hpp"
#include "http/server_fixture.hpp"

namespace throughline::http {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string marker = "GET /marker HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string post = "POST /first HTTP/1.1\r\nHost: h\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";

struct payload {
  const char* what;
  std::string bytes;
  int status = 400;
};

class smuggling : public ::testing::TestWithParam<payload> {
 protected:
  aio::awaitable<> answer(exchange& with) {
    const auto& asked = with.incoming();
    if (asked.path == "/marker" || asked.path == "/smuggled") ++markers_;
    response reply;
    if (asked.path == "/empty") reply.status = 204;
    if (asked.path == "/unchanged") reply.status = 304;
    reply.body = asked.path + " " + asked.body;
    co_await with.respond(std::move(reply));
  }

  std::atomic<int> markers_{0};
  served served_{[this](exchange& with) {
    return answer(with);
  }};
};

class smuggling_attempts : public smuggling {};

TEST_P(smuggling_attempts, are_refused_and_the_marker_is_not_answered) {
  const auto& [what, bytes, status] = GetParam();
  for (const bool in_two_pieces : {false, true}) {
    raw_client client(served_.port());
    client.send(bytes + (in_two_pieces ? "" : marker));
    const auto refused = client.read_response();
    EXPECT_EQ(refused.status, status) << what;
    EXPECT_THAT(refused.head, HasSubstr("Content-Type: application/problem+json\r\n"));
    EXPECT_THAT(refused.head, HasSubstr("Connection: close\r\n"));
    EXPECT_EQ(json::parse(refused.body).at("status"), status);
    if (in_two_pieces) client.send(marker);
    EXPECT_EQ(client.read_to_end(), "") << what;
    EXPECT_TRUE(client.sees_end()) << what;
    EXPECT_FALSE(client.was_reset()) << what;
  }
  EXPECT_EQ(markers_, 0) << what;
}

INSTANTIATE_TEST_SUITE_P(
    corpus, smuggling_attempts,
    ::testing::Values(
        payload{"CL.TE",
                post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"},
        payload{"TE.CL", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n"},
        payload{"TE.TE",
                post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n"},
        payload{"TE hidden by a blank",
                post + "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
        payload{"TE hidden by a tab",
                post + "Content-Length: 5\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"},
        payload{"TE hidden by a fold",
                post + "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
        payload{"TE hidden behind a line feed",
                post + "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        payload{"TE hidden behind a CR",
                post + "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        payload{"TE hidden behind a NUL", post + "Content-Length: 5\r\nX: y" +
                                              std::string(1, '\0') +
                                              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        payload{"TE unknown", post + "Transfer-Encoding: cow, chunked\r\n\r\n0\r\n\r\n", 501},
        payload{"TE of HTTP/1.0",
                "POST /first HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        payload{"two lengths", post + "Content-Length: 0\r\nContent-Length: 35\r\n\r\n"},
        payload{"list of lengths", post + "Content-Length: 0, 35\r\n\r\n"},
        payload{"length with a sign", post + "Content-Length: +0\r\n\r\n"},
        payload{"length with an underscore", post + "Content-Length: 3_5\r\n\r\n"},
        payload{"length behind a fold", post + "Content-Length:\r\n 35\r\n\r\n"},
        payload{"length that wraps to 0", post + "Content-Length: 18446744073709551616\r\n\r\n",
                413},
        payload{"line feed after a size", chunked + "0\n\r\n"},
        payload{"line feed in an extension", chunked + "2;\nxx\r\n4c\r\n0\r\n\r\n"},
        payload{"line feed for the last line", chunked + "0\r\n\n"},
        payload{"size that wraps to 0", chunked + "10000000000000000\r\n\r\n"},
        payload{"size with 0x", chunked + "0x0\r\n\r\n"},
        payload{"chunk with a tail", chunked + "1\r\naXX0\r\n\r\n"},
        payload{"request as a trailer", chunked + "0\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"},
        payload{"head of line feeds", "POST /first HTTP/1.1\nHost: h\nContent-Length: 0\n\n"},
        payload{"a blank before the head's end", post + "Content-Length: 0\r\n \r\n"},
        payload{"no Host", "POST /first HTTP/1.1\r\nContent-Length: 0\r\n\r\n"},
        payload{"two Hosts", post + "Host: other\r\nContent-Length: 0\r\n\r\n"},
        payload{"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
        payload{"HTTP/0.9", "GET /first\r\n\r\n"},
        payload{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        payload{"expectation", post + "Content-Length: 40\r\nExpect: something\r\n\r\n", 417},
        payload{"body too large, expected",
                post + "Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n", 413}));

class clear_requests : public smuggling {};

TEST_P(clear_requests, leave_the_next_one_where_it_is) {
  const auto& [what, bytes, status] = GetParam();
  const std::string all = bytes + marker;
  // Cut once at every place: where the pieces end means nothing.
  for (std::size_t cut = 1; cut < all.size(); cut += 3) {
    raw_client client(served_.port());
    client.send(all.substr(0, cut));
    client.send(all.substr(cut));
    const bool has_body = !bytes.starts_with("HEAD") && status != 204 && status != 304;
    auto first = has_body ? client.read_response() : client.read_head();
    if (first.status == 100) first = client.read_response();
    EXPECT_EQ(first.status, status) << what;
    if (has_body) {
      EXPECT_THAT(first.body, AllOf(StartsWith("/first "), EndsWith("."))) << what;
    }
    const auto second = client.read_response();
    EXPECT_EQ(second.status, 200) << what << " cut at " << cut;
    EXPECT_EQ(second.body, "/marker ") << what << " cut at " << cut;
  }
}

INSTANTIATE_TEST_SUITE_P(
    corpus, clear_requests,
    ::testing::Values(
        payload{"a request as a body",
                post + "Content-Length: 34\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n.", 200},
        payload{"a request in a chunk",
                chunked + "23;a=\"b\"\r\nGET /smuggled HTTP/1.1\r\nHost: "
                          "h\r\n\r\n\r\n1\r\n.\r\n0\r\nA: b\r\n\r\n",
                200},
        payload{"a body that was waited for",
                post + "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nab.", 200},
        payload{"HEAD", "HEAD /first HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na.", 200},
        payload{"204", "POST /empty HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na.", 204},
        payload{"304", "GET /unchanged HTTP/1.1\r\nHost: h\r\n\r\n", 304},
        payload{"empty lines", "\r\n\r\n" + post + "Content-Length: 1\r\n\r\n.", 200}));

}  // namespace
}  // namespace throughline::http
