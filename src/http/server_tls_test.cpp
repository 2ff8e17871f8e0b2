// What the server does over TLS that it does not do without. (All other tests of the server are run
// over TLS as well: CMakeLists.txt, http_tls.)
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "base/metrics.hpp"
#include "http/server.hpp"
#include "http/server_fixture.hpp"

namespace throughline::http {
namespace {

using boost::asio::const_buffer;
using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;

/// `/echo`: the body. `/pieces`: 200 buffers of 0 to 199 bytes. `/large`: 20 MB in one write of one
/// buffer. `/cut`: a stream that is not ended.
aio::awaitable<> handle(exchange& with) {
  const std::string path = with.incoming().path;
  response reply;
  if (path == "/echo") {
    reply.body = with.incoming().body;
    reply.headers.add("X-Secure", with.incoming().is_secure ? "yes" : "no");
    co_await with.respond(std::move(reply));
    co_return;
  }
  co_await with.begin_stream(std::move(reply));
  if (path == "/pieces") {
    const std::string text(200, 'z');
    std::vector<const_buffer> buffers;
    for (std::size_t i = 0; i < 200; ++i) buffers.emplace_back(text.data(), i);
    co_await with.write(buffers);
  }
  if (path == "/large") {
    const std::string block(20'000'000, 'y');
    const std::array<const_buffer, 1> all{const_buffer(block.data(), block.size())};
    co_await with.write(all);
  }
  if (path != "/cut") co_await with.end_stream();
}

std::string post(std::string_view body) {
  return "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

class server_tls : public ::testing::Test {
 protected:
  static server_options options_of(std::shared_ptr<const tls_identity> who) {
    server_options options;
    options.tls = std::move(who);
    return options;
  }
  std::unique_ptr<raw_client> client(test_tls_options options = {}, int receive_buffer = 0) {
    auto made = std::make_unique<raw_client>(served_.port(), "127.0.0.1", receive_buffer);
    made->speak_tls(options);
    return made;
  }

  test_identity_files files_;
  std::shared_ptr<tls_identity> identity_ = files_.load();
  served served_{options_of(identity_), handle};
};

TEST_F(server_tls, speaks_1_2_and_1_3_and_nothing_older) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto there = client({.version_min = version, .version_max = version});
    for (const auto* const body : {"one", "two"}) {
      there->send(post(body));
      const auto got = there->read_response();
      EXPECT_EQ(got.body, body);
      EXPECT_THAT(got.head, HasSubstr("X-Secure: yes\r\n"));
    }
    EXPECT_EQ(SSL_version(there->tls()->session()), version);
  }
  const auto old = client({.version_min = TLS1_VERSION, .version_max = TLS1_1_VERSION});
  EXPECT_FALSE(old->tls()->shake_hands());
  EXPECT_THAT(old->tls()->failure(), HasSubstr("protocol version"));
}

TEST_F(server_tls, chooses_http_1_1_and_refuses_those_who_want_only_something_else) {
  const auto both = client({.protocols = "\x02h2\x08http/1.1"});
  ASSERT_TRUE(both->tls()->shake_hands());
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(both->tls()->session(), &chosen, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  const auto modern = client({.protocols = "\x02h2"});
  EXPECT_FALSE(modern->tls()->shake_hands());
  EXPECT_THAT(modern->tls()->failure(), HasSubstr("no application protocol"));
}

TEST_F(server_tls, tells_plain_http_what_is_wrong) {
  if (tests_use_tls()) GTEST_SKIP() << "the clients speak TLS";
  raw_client plain(served_.port());
  plain.send(post("plain"));
  const auto got = plain.read_response();
  EXPECT_EQ(got.status, 400);
  EXPECT_THAT(got.body, HasSubstr("use https://"));
  EXPECT_TRUE(plain.sees_end());
}

TEST_F(server_tls, ends_with_what_is_neither) {
  if (tests_use_tls()) GTEST_SKIP() << "the clients speak TLS";
  raw_client strange(served_.port());
  strange.send(std::string("\0\1\2\3\4\5\6\7\x8\x9\xA", 11));
  EXPECT_TRUE(strange.sees_end());
  EXPECT_TRUE(comes_true([&] { return served_.get().connections() == 0; }));
}

TEST_F(server_tls, gives_a_handshake_the_time_of_a_head) {
  if (tests_use_tls()) GTEST_SKIP() << "the clients speak TLS";
  auto options = options_of(identity_);
  options.limits.head_timeout = milliseconds(100);
  served hasty(options, handle);
  raw_client silent(hasty.port());
  raw_client slow(hasty.port());
  slow.send("\x16\x03\x01");
  EXPECT_TRUE(silent.sees_end());
  EXPECT_TRUE(slow.sees_end());
  EXPECT_TRUE(comes_true([&] { return hasty.get().connections() == 0; }));
}

TEST_F(server_tls, says_goodbye_after_what_is_whole_and_only_then) {
  const auto whole = client();
  whole->send("GET /pieces HTTP/1.0\r\nHost: h\r\n\r\n");
  EXPECT_THAT(whole->read_to_end(), EndsWith("zzz"));
  EXPECT_TRUE(whole->tls()->said_goodbye());
  const auto cut = client();
  cut->send("GET /cut HTTP/1.0\r\nHost: h\r\n\r\n");
  EXPECT_THAT(cut->read_to_end(), EndsWith("\r\n\r\n"));
  EXPECT_FALSE(cut->tls()->said_goodbye());
}

TEST_F(server_tls, answers_a_goodbye) {
  const auto polite = client();
  polite->send(post("x"));
  EXPECT_EQ(polite->read_response().body, "x");
  SSL_shutdown(polite->tls()->session());
  EXPECT_TRUE(polite->sees_end());
  EXPECT_TRUE(polite->tls()->said_goodbye());
}

/// The bytes of the client's TLS, each in a segment of its own.
TEST_F(server_tls, reads_requests_however_they_are_cut) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  raw_client outside(served_.port());
  const int no_delay = 1;
  ::setsockopt(outside.descriptor(), IPPROTO_TCP, 1, &no_delay, sizeof no_delay);
  auto carry_in = std::async(std::launch::async, [&] {
    char byte = 0;
    while (::recv(ends[1], &byte, 1, 0) == 1) {
      if (::send(outside.descriptor(), &byte, 1, MSG_NOSIGNAL) != 1) break;
    }
    ::shutdown(outside.descriptor(), SHUT_WR);
  });
  auto carry_out = std::async(std::launch::async, [&] {
    char byte = 0;
    while (::recv(outside.descriptor(), &byte, 1, 0) == 1) {
      if (::send(ends[1], &byte, 1, MSG_NOSIGNAL) != 1) break;
    }
  });
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  {
    test_tls_client inside(ends[0], {});
    const std::string body(1000, 'b');
    inside.send(post(body) + post("second"));
    std::string got;
    char bytes[4096];
    while (got.find("second") == std::string::npos) {
      const auto size = inside.receive(bytes);
      ASSERT_GT(size, 0) << got;
      got.append(bytes, static_cast<std::size_t>(size));
    }
    EXPECT_THAT(got, HasSubstr(body));
  }
  ::shutdown(ends[0], SHUT_RDWR);
  carry_in.get();
  carry_out.get();
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(server_tls, sends_pieces_in_order_through_a_narrow_socket) {
  const auto narrow = client({}, 2048);
  std::string requests;
  constexpr int count = 50;
  for (int i = 0; i < count; ++i) requests += "GET /pieces HTTP/1.1\r\nHost: h\r\n\r\n";
  narrow->send(requests);
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(narrow->read_head().status, 200);
    EXPECT_EQ(narrow->read_chunk(), std::string(199U * 200 / 2, 'z'));
    EXPECT_EQ(narrow->read_chunk(), "");
  }
}

TEST_F(server_tls, sends_twenty_megabytes_in_one_write) {
  const auto there = client();
  there->get("/large");
  EXPECT_EQ(there->read_head().status, 200);
  const auto chunk = there->read_chunk();
  EXPECT_EQ(chunk.size(), 20'000'000U);
  EXPECT_EQ(chunk.find_first_not_of('y'), std::string::npos);
  EXPECT_EQ(there->read_chunk(), "");
}

/// To read on, the server must write its answer to one.
TEST_F(server_tls, bears_updates_of_keys) {
  const auto there = client({.version_min = TLS1_3_VERSION});
  ASSERT_TRUE(there->tls()->shake_hands());
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(SSL_key_update(there->tls()->session(), SSL_KEY_UPDATE_REQUESTED), 1);
    there->send(post(std::to_string(i)));
    EXPECT_EQ(there->read_response().body, std::to_string(i));
  }
}

TEST_F(server_tls, serves_a_hundred_at_once) {
  std::vector<std::unique_ptr<raw_client>> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(client());
  for (auto& one : crowd) one->send(post("hello"));
  for (auto& one : crowd) EXPECT_EQ(one->read_response().body, "hello");
  EXPECT_EQ(served_.get().connections(), 100U);
  crowd.clear();
  EXPECT_TRUE(comes_true([&] { return served_.get().connections() == 0; }));
}

std::string name_seen_by(raw_client& client) {
  EXPECT_TRUE(client.tls()->shake_hands());
  X509* const shown = SSL_get1_peer_certificate(client.tls()->session());
  char name[100] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
  X509_free(shown);
  return name;
}

TEST_F(server_tls, shows_a_renewed_certificate_once_it_is_read_again) {
  const auto before = client();
  EXPECT_EQ(name_seen_by(*before), "localhost");
  files_.write("renewed.example", 1);
  EXPECT_EQ(name_seen_by(*client()), "localhost");
  EXPECT_TRUE(identity_->reload().has_value());
  EXPECT_EQ(name_seen_by(*client()), "renewed.example");
  before->send(post("still here"));
  EXPECT_EQ(before->read_response().body, "still here");
}

TEST_F(server_tls, keeps_its_certificate_if_the_new_one_is_bad) {
  std::ofstream(files_.certificate()) << "half of a file";
  const auto reloaded = identity_->reload();
  ASSERT_FALSE(reloaded.has_value());
  EXPECT_THAT(reloaded.error().detail,
              HasSubstr(files_.certificate() + " is no certificate in PEM form"));
  EXPECT_EQ(name_seen_by(*client()), "localhost");
}

TEST_F(server_tls, resumes_sessions_by_tickets) {
  const auto first = client({.version_max = TLS1_2_VERSION});
  ASSERT_TRUE(first->tls()->shake_hands());
  SSL_SESSION* const session = SSL_get1_session(first->tls()->session());
  const auto second = client({.version_max = TLS1_2_VERSION});
  SSL_set_session(second->tls()->session(), session);
  ASSERT_TRUE(second->tls()->shake_hands());
  EXPECT_EQ(SSL_session_reused(second->tls()->session()), 1);
  SSL_SESSION_free(session);
}

TEST(tls_identity, says_what_is_wrong_with_the_files) {
  const test_identity_files one;
  const test_identity_files other;
  const auto problem = [](const std::string& certificate, const std::string& key) {
    const auto loaded = tls_identity::load({.certificate = certificate, .key = key});
    return loaded ? std::string() : loaded.error().detail;
  };
  EXPECT_EQ(problem("/nowhere/c.pem", one.key()),
            "cannot read /nowhere/c.pem: No such file or directory");
  EXPECT_EQ(problem(one.certificate(), "/nowhere/k.pem"),
            "cannot read /nowhere/k.pem: No such file or directory");
  EXPECT_THAT(problem(one.key(), one.key()), HasSubstr("is no certificate in PEM form"));
  EXPECT_THAT(problem(one.certificate(), one.certificate()), HasSubstr("is no key in PEM form"));
  EXPECT_THAT(problem(one.certificate(), other.key()),
              HasSubstr("does not belong to the certificate in " + one.certificate()));
  EXPECT_EQ(problem(one.certificate(), one.key()), "");
}

TEST(tls_identity, tells_whom_it_is_for_and_until_when) {
  const test_identity_files old("old.example", -1);
  const auto facts = old.load()->certificate();
  EXPECT_EQ(facts.names, "old.example");
  EXPECT_LT(facts.until, system_clock().wall_now());
  EXPECT_GT(facts.until, system_clock().wall_now() - std::chrono::days(2));
  EXPECT_GT(test_identity().load()->certificate().until, system_clock().wall_now());
}

}  // namespace
}  // namespace throughline::http
