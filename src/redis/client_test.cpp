#include "redis/client.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <latch>

#include "redis/server_report.hpp"
#include "redis/test_fixture.hpp"

namespace throughline::redis {
namespace {

class redis_client_test : public redis_client {
 protected:
  server_process server_;
};

TEST_F(redis_client_test, answers_in_order_from_any_loop) {
  start(server_);
  EXPECT_EQ(text_of({"SET", "k", "1"}), "OK");
  std::atomic<int> right{0};
  std::latch all(4000);
  for (int i = 0; i < 4000; ++i) {
    command echo("ECHO");
    const auto word = std::to_string(i);
    echo.add(word);
    auto say = [this, echo, word, &right, &all]() mutable {
      redis->submit(std::move(echo), [word, &right, &all](const result<value>& got) {
        if (got && got->text == word) ++right;
        all.count_down();
      });
    };
    if (i % 3 == 0) {
      say();  // from a thread that runs no loop
    } else {
      loops[static_cast<std::size_t>(i % 2)].post(say);
    }
  }
  all.wait();
  EXPECT_EQ(right, 4000);
  const command ping("PING");
  EXPECT_EQ(await_on(loops[1], redis->ask(ping))->text, "PONG") << "a loop without a connection";
}

TEST_F(redis_client_test, an_error_reply_is_a_value_except_to_checked) {
  start(server_);
  const auto got = ask({"INCR", "a", "b"});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->is, value_kind::error);
  command wrong("NOSUCHCOMMAND");
  const auto checked = await_on(loops[0], redis->checked(wrong));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, errc::internal);
}

TEST_F(redis_client_test, comes_back_after_a_kill_and_says_since_when_it_was_away) {
  start(server_);
  EXPECT_TRUE(is_back());
  EXPECT_FALSE(redis->here()->away());
  server_.kill();
  EXPECT_TRUE(comes_true([&] { return redis->here()->away().has_value(); }));
  EXPECT_TRUE(comes_true([&] { return !ask({"PING"}); }));
  server_.start();
  EXPECT_TRUE(is_back());
  EXPECT_FALSE(redis->here()->away());
}

TEST_F(redis_client_test, comes_back_after_its_connection_is_cut) {
  start(server_);
  EXPECT_TRUE(is_back());
  for (int i = 0; i < 5; ++i) {
    server_.tell({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(is_back());
  }
}

TEST_F(redis_client_test, fails_at_once_while_the_server_is_known_to_be_away) {
  server_.kill();
  start(server_);
  EXPECT_TRUE(comes_true([&] { return redis->here()->away().has_value(); }));
  // With a deadline of half a minute each, a single one that waited would show.
  for (int i = 0; i < 1000; ++i) {
    const auto got = ask({"PING"});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, errc::unavailable);
  }
}

TEST_F(redis_client_test, a_server_that_hangs_costs_each_command_its_deadline_at_most) {
  auto options = patient();
  options.lane.command_timeout = 200ms;
  options.lane.link.connect_timeout = 200ms;
  start(server_, options);
  EXPECT_TRUE(is_back());
  server_.hang();
  std::atomic<int> failed{0};
  constexpr int many = 500;
  for (int i = 0; i < many; ++i) {
    loops[0].post([&] {
      redis->submit(command("PING"), [&](const result<value>& got) {
        if (!got && got.error().code == errc::unavailable) ++failed;
      });
    });
  }
  EXPECT_TRUE(comes_true([&] { return failed == many; }));
  const auto away = redis->here()->away();
  ASSERT_TRUE(away);
  EXPECT_NE(away->why.find("has not answered for 200 ms"), std::string::npos) << away->why;
  server_.go_on();
  EXPECT_TRUE(is_back());
}

TEST_F(redis_client_test, refuses_what_its_queue_has_no_room_for) {
  auto options = patient();
  options.lane.calls_max = 10;
  start(server_, options);
  EXPECT_TRUE(is_back());
  server_.hang();
  std::atomic<int> refused{0};
  std::atomic<int> answered{0};
  for (int i = 0; i < 25; ++i) {
    loops[0].post([&] {
      redis->submit(command("PING"),
                    [&](const result<value>& got) { ++(got ? answered : refused); });
    });
  }
  EXPECT_TRUE(comes_true([&] { return refused == 15; }));
  server_.go_on();
  EXPECT_TRUE(comes_true([&] { return answered == 10; }));
}

TEST_F(redis_client_test, sends_a_script_again_that_the_server_has_forgotten) {
  start(server_);
  static const script sum("return {KEYS[1], ARGV[1] + ARGV[2]}");
  command call_it(sum, {"k"});
  call_it.add_number(2).add_number(3);
  const value expected{
      .is = value_kind::list,
      .items = {{.is = value_kind::text, .text = "k"}, {.is = value_kind::integer, .integer = 5}}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*ask(call_it), expected);
    server_.tell({"SCRIPT", "FLUSH"});
  }
  // Others meanwhile stay in their order.
  std::atomic<int> right{0};
  std::latch all(200);
  for (int i = 0; i < 200; ++i) {
    loops[0].post([&, i] {
      if (i % 2 == 0) {
        redis->submit(call_it, [&](const result<value>& got) {
          if (got && *got == expected) ++right;
          all.count_down();
        });
      } else {
        redis->submit(command("PING"), [&](const result<value>& got) {
          if (got && got->text == "PONG") ++right;
          all.count_down();
        });
      }
    });
  }
  all.wait();
  EXPECT_EQ(right, 200);
}

TEST_F(redis_client_test, a_full_server_is_a_typed_refusal) {
  start(server_);
  server_.tell({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  server_.tell({"CONFIG", "SET", "maxmemory", "1"});
  command set("SET");
  set.add("k").add("v");
  const auto got = ask(set);
  ASSERT_TRUE(got);
  EXPECT_EQ(refusal_of(got->text), refusal::out_of_memory);
  const auto checked = await_on(loops[0], redis->checked(set));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, errc::unavailable);
  server_.tell({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(text_of({"SET", "k", "v"}), "OK");
}

TEST_F(redis_client_test, a_replica_is_a_typed_refusal_and_the_connection_is_made_anew) {
  start(server_);
  EXPECT_EQ(text_of({"SET", "k", "v"}), "OK");
  server_.tell({"REPLICAOF", "127.0.0.1", "1"});
  const auto got = ask({"SET", "k", "w"});
  ASSERT_TRUE(got);
  EXPECT_EQ(refusal_of(got->text), refusal::read_only);
  EXPECT_TRUE(redis->here()->away());
  server_.tell({"REPLICAOF", "NO", "ONE"});
  EXPECT_TRUE(comes_true([&] { return text_of({"SET", "k", "w"}) == "OK"; }));
}

TEST_F(redis_client_test, waits_for_a_server_that_loads_its_data) {
  // Two seconds of loading, and it looks up now and then.
  start(server_);
  static const script fill("for i = 1, 20000 do redis.call('SET', i, i) end return 1");
  EXPECT_EQ(ask(command(fill, {}))->integer, 1);
  EXPECT_EQ(text_of({"SAVE"}), "OK");
  server_process loading({"--key-load-delay", "100", "--loading-process-events-interval-bytes",
                          "1024", "--dir", server_.directory()});
  start(loading);
  bool was_loading = false;
  EXPECT_TRUE(comes_true([&] {
    const auto got = ask({"GET", "7"});
    if (got) return got->text == "7";
    was_loading = was_loading || got.error().detail.find("LOADING") != std::string::npos;
    return false;
  }));
  EXPECT_TRUE(was_loading);
}

TEST_F(redis_client_test, signs_in_and_chooses_a_database) {
  server_.tell({"ACL", "SETUSER", "app", "on", ">p@ss", "~*", "&*", "+@all"});
  server_.tell({"ACL", "SETUSER", "default", "resetpass", ">other"});
  const auto port = std::to_string(server_.port());
  start(*make_server(*parse_address("redis://app:p%40ss@127.0.0.1:" + port + "/3")));
  EXPECT_EQ(text_of({"ACL", "WHOAMI"}), "app");
  EXPECT_NE(text_of({"CLIENT", "INFO"}).find(" db=3 "), std::string::npos);
  start(*make_server(*parse_address("redis://:other@127.0.0.1:" + port)));
  EXPECT_EQ(text_of({"ACL", "WHOAMI"}), "default");

  for (const std::string who : {"", "app:wrong@", "nobody:p@"}) {
    start(*make_server(*parse_address("redis://" + who + "127.0.0.1:" + port)));
    const auto got = ask({"PING"});
    ASSERT_FALSE(got) << who;
    EXPECT_EQ(got.error().code, errc::unavailable);
    EXPECT_NE(got.error().detail.find("user or password"), std::string::npos) << got.error().detail;
  }
}

TEST(redis_client_resp2, speaks_to_a_server_that_does_not_know_hello) {
  server_process old({"--rename-command", "HELLO", ""});
  old.tell({"CONFIG", "SET", "requirepass", "secret"});
  aio::event_loops loops(1, "test");
  std::vector<aio::event_loop*> own{&loops[0]};
  client redis(own, *make_server(*parse_address(
                        "redis://:secret@127.0.0.1:" + std::to_string(old.port()) + "/2")));
  command asking("CLIENT");
  asking.add("INFO");
  const auto got = await_on(loops[0], redis.ask(asking));
  EXPECT_TRUE(got && got->text.find(" db=2 ") != std::string::npos);
  EXPECT_TRUE(got && got->text.find(" resp=2") != std::string::npos);
  await_on(loops[0], redis.stop());
}

TEST_F(redis_client_test, reports_what_the_server_is_as_far_as_it_may) {
  server_.tell({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  start(server_);
  auto report = await_on(loops[0], ask_report(*redis));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->maxmemory_policy, "allkeys-lru");
  EXPECT_TRUE(report->version && report->used_memory && report->evicted_keys == 0U);
  EXPECT_EQ(warnings_of(*report).size(), 1U);

  server_.tell({"ACL", "SETUSER", "default", "-info"});
  report = await_on(loops[0], ask_report(*redis));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->maxmemory_policy, "allkeys-lru");
  EXPECT_FALSE(report->version);
  server_.tell({"ACL", "SETUSER", "default", "-config"});
  report = await_on(loops[0], ask_report(*redis));
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->maxmemory_policy);
}

/// A server with TLS and a certificate for `localhost` of an authority of its own.
class redis_tls : public redis_client {
 protected:
  redis_tls() {
    const std::string make =
        "cd " + directory() +
        " && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2"
        " -subj /CN=ca 2>/dev/null"
        " && openssl req -newkey rsa:2048 -nodes -keyout tls.key -out tls.csr"
        " -subj /CN=localhost 2>/dev/null"
        " && printf 'subjectAltName=DNS:localhost' > ext"
        " && openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2"
        " -extfile ext -out tls.crt 2>/dev/null";
    EXPECT_EQ(std::system(make.c_str()), 0);
    tls_port_ = server_process::free_port();
    secured_ = std::make_unique<server_process>(std::vector<std::string>{
        "--tls-port", std::to_string(tls_port_), "--tls-cert-file", directory() + "/tls.crt",
        "--tls-key-file", directory() + "/tls.key", "--tls-ca-cert-file", directory() + "/ca.crt",
        "--tls-auth-clients", "no"});
  }
  const std::string& directory() const { return plain_.directory(); }
  void start_at(const std::string& host, const std::string& parameters) {
    start(*make_server(
        *parse_address("rediss://" + host + ":" + std::to_string(tls_port_) + parameters)));
  }
  std::string why_not() {
    const auto got = ask({"PING"});
    return got ? "it works" : got.error().detail;
  }

  server_process plain_;
  std::uint16_t tls_port_ = 0;
  std::unique_ptr<server_process> secured_;
};

TEST_F(redis_tls, verifies_the_certificate_and_its_name) {
  const std::string trusted = "?ssl_ca_certs=" + directory() + "/ca.crt";
  start_at("localhost", trusted);
  EXPECT_EQ(why_not(), "it works");
  std::string large(1'000'000, 'x');
  EXPECT_EQ(text_of({"SET", "k", large}), "OK");
  EXPECT_EQ(text_of({"GET", "k"}), large);

  start_at("127.0.0.1", trusted);
  EXPECT_NE(why_not().find("certificate verify failed"), std::string::npos) << why_not();
  start_at("localhost", "");
  EXPECT_NE(why_not().find("certificate verify failed"), std::string::npos) << why_not();
  start_at("127.0.0.1", "?ssl_cert_reqs=none");
  EXPECT_EQ(why_not(), "it works");
}

}  // namespace
}  // namespace throughline::redis
