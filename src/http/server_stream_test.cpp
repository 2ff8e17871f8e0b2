#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "http/server.hpp"
#include "http/server_fixture.hpp"

namespace throughline::http {
namespace {

using boost::asio::const_buffer;
using ::testing::HasSubstr;
using ::testing::Not;

/// What the handlers below have seen; the test's thread reads it.
struct sightings {
  std::atomic<int> started{0};
  std::atomic<int> ended{0};
  std::atomic<int> aborted{0};
};

/// Counts how the handler that holds it ends.
class witness {
 public:
  explicit witness(sightings& seen) : seen_(seen) { ++seen_.started; }
  witness(const witness&) = delete;
  witness& operator=(const witness&) = delete;
  ~witness() { ++(done_ ? seen_.ended : seen_.aborted); }
  void done() { done_ = true; }

 private:
  sightings& seen_;
  bool done_ = false;
};

response event_stream() {
  response head;
  head.headers.add("Content-Type", "text/event-stream");
  return head;
}

class streams : public ::testing::Test {
 protected:
  aio::awaitable<> handle(exchange& with) {
    const std::string path = with.incoming().path;
    if (path == "/post") co_await slow_post(with);
    if (path == "/numbers") co_await numbers(with);
    if (path == "/together") co_await together(with);
    if (path == "/wait") co_await wait_for_drain(with, true);
    if (path == "/stay") co_await wait_for_drain(with, false);
    if (path == "/told") co_await wait_until_told(with);
    if (path == "/flood" || path == "/told-flood") co_await flood(with);
    if (path == "/large") co_await large(with);
    if (path == "/large-first") co_await large_first(with);
    if (path == "/unfinished") co_await unfinished(with);
    if (path == "/cut" || path == "/rst") co_await cut(with, path == "/rst");
  }

  /// Ten chunks of two buffers.
  aio::awaitable<> numbers(exchange& with) {
    witness watched(seen_);
    response head = event_stream();
    co_await with.begin_stream(std::move(head));
    for (int i = 0; i < 10; ++i) {
      const std::string text = std::to_string(i);
      const std::array<const_buffer, 3> buffers{const_buffer(text.data(), text.size()),
                                                const_buffer(), const_buffer(";", 1)};
      co_await with.write(buffers);
    }
    co_await with.write({});
    co_await with.end_stream();
    watched.done();
  }

  /// Writes one chunk and waits: for the drain if it minds that, else for ever.
  aio::awaitable<> wait_for_drain(exchange& with, bool minds) {
    witness watched(seen_);
    response head = event_stream();
    co_await with.begin_stream(std::move(head));
    const std::array<const_buffer, 1> hello{const_buffer("hello", 5)};
    co_await with.write(hello);
    const auto bell = aio::bell::create(with.loop());
    if (minds) with.when_over([bell] { bell->ring(); });
    while (!minds || !with.is_draining()) co_await bell->wait();
    const std::array<const_buffer, 1> bye{const_buffer("bye", 3)};
    co_await with.write(bye);
    co_await with.end_stream();
    watched.done();
  }

  /// Its first chunk goes with the head.
  aio::awaitable<> together(exchange& with) {
    response head = event_stream();
    const std::array<const_buffer, 2> first{const_buffer("fir", 3), const_buffer("st;", 3)};
    co_await with.begin_stream(std::move(head), first);
    const std::array<const_buffer, 1> second{const_buffer("second;", 7)};
    co_await with.write(second);
    co_await with.end_stream();
  }

  /// Writes one chunk and waits until it is told that the client has gone.
  aio::awaitable<> wait_until_told(exchange& with) {
    witness watched(seen_);
    response head = event_stream();
    const std::array<const_buffer, 1> hello{const_buffer("hello", 5)};
    co_await with.begin_stream(std::move(head), hello);
    const auto bell = aio::bell::create(with.loop());
    with.when_over([bell] { bell->ring(); });
    while (!with.is_gone()) co_await bell->wait();
    watched.done();
  }

  aio::awaitable<> flood(exchange& with) {
    witness watched(seen_);
    if (with.incoming().path == "/told-flood") with.when_over([] {});
    response head = event_stream();
    co_await with.begin_stream(std::move(head));
    const std::string block(64 * 1024, 'x');
    const std::array<const_buffer, 1> buffers{const_buffer(block.data(), block.size())};
    while (true) co_await with.write(buffers);
  }

  /// Its first chunk fits into no socket.
  aio::awaitable<> large_first(exchange& with) {
    witness watched(seen_);
    response head = event_stream();
    const std::string block(20'000'000, 'y');
    const std::array<const_buffer, 1> first{const_buffer(block.data(), block.size())};
    co_await with.begin_stream(std::move(head), first);
    watched.done();
  }

  /// Twenty megabytes in one write of five thousand buffers, then an end.
  aio::awaitable<> large(exchange& with) {
    witness watched(seen_);
    response head = event_stream();
    co_await with.begin_stream(std::move(head));
    const std::string block(4000, 'y');
    const std::vector<const_buffer> buffers(5000, const_buffer(block.data(), block.size()));
    co_await with.write(buffers);
    co_await with.end_stream();
    watched.done();
  }

  aio::awaitable<> unfinished(exchange& with) {
    response head = event_stream();
    co_await with.begin_stream(std::move(head));
  }

  aio::awaitable<> cut(exchange& with, bool reset) {
    response head = event_stream();
    co_await with.begin_stream(std::move(head));
    const std::array<const_buffer, 1> part{const_buffer("part", 4)};
    co_await with.write(part);
    with.abort_connection(reset);
  }

  aio::awaitable<> slow_post(exchange& with) {
    witness watched(seen_);
    const auto bell = aio::bell::create(with.loop());
    {
      const std::lock_guard lock(mutex_);
      release_ = bell;
    }
    co_await bell->wait();
    watched.done();
    response reply;
    reply.body = "done";
    co_await with.respond(std::move(reply));
  }

  bool releases_the_post() {
    return comes_true([this] {
      const std::lock_guard lock(mutex_);
      const auto bell = release_.lock();
      if (bell) bell->ring();
      return bell != nullptr;
    });
  }

  sightings seen_;
  std::mutex mutex_;
  std::weak_ptr<aio::bell> release_;  // a bell does not outlive its loop
  server_limits limits_{.write_timeout = std::chrono::milliseconds(300)};
  served served_{[this](exchange& with) { return handle(with); }, limits_};
};

TEST_F(streams, are_sent_as_one_chunk_for_each_write) {
  raw_client client(served_.port());
  client.get("/numbers");
  const auto head = client.read_head();
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(head.head, HasSubstr("X-Request-Id: "));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(client.read_chunk(), std::to_string(i) + ";");
  EXPECT_EQ(client.read_chunk(), "");
  client.get("/numbers");
  EXPECT_EQ(client.read_head().status, 200);
  EXPECT_TRUE(comes_true([&] { return seen_.ended == 2; }));
}

TEST_F(streams, follow_each_other_when_pipelined) {
  raw_client client(served_.port());
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += "GET /numbers HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.read_head().status, 200);
    for (int k = 0; k < 10; ++k) EXPECT_EQ(client.read_chunk(), std::to_string(k) + ";");
    EXPECT_EQ(client.read_chunk(), "");
  }
}

TEST_F(streams, are_raw_for_http_1_0) {
  raw_client client(served_.port());
  client.send("GET /numbers HTTP/1.0\r\n\r\n");
  const auto all = client.read_to_end();
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
  EXPECT_THAT(all, ::testing::EndsWith("\r\n\r\n0;1;2;3;4;5;6;7;8;9;"));
}

TEST_F(streams, are_only_a_head_for_head) {
  raw_client client(served_.port());
  client.send("HEAD /flood HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.read_to_end(), ::testing::EndsWith("Connection: close\r\n\r\n"));
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 1; }));
}

TEST_F(streams, may_begin_together_with_their_head) {
  raw_client client(served_.port());
  for (int i = 0; i < 2; ++i) {
    client.get("/together");
    EXPECT_EQ(client.read_head().status, 200);
    EXPECT_EQ(client.read_chunk(), "first;");
    EXPECT_EQ(client.read_chunk(), "second;");
    EXPECT_EQ(client.read_chunk(), "");
  }
  raw_client old(served_.port());
  old.send("GET /together HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.read_to_end(), ::testing::EndsWith("\r\n\r\nfirst;second;"));
  raw_client curious(served_.port());
  curious.send("HEAD /together HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(curious.read_to_end(), ::testing::EndsWith("Connection: close\r\n\r\n"));
}

TEST_F(streams, carry_more_buffers_than_one_system_call_takes) {
  raw_client client(served_.port());
  client.get("/large");
  client.read_head();
  const auto chunk = client.read_chunk();
  EXPECT_EQ(chunk.size(), 20'000'000U);
  EXPECT_EQ(chunk.find_first_not_of('y'), std::string::npos);
  EXPECT_EQ(client.read_chunk(), "");
}

TEST_F(streams, cancel_the_handler_when_the_client_closes) {
  raw_client client(served_.port());
  client.get("/stay");
  client.read_until("hello");
  client.close();
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 1; }));
  EXPECT_TRUE(comes_true([&] { return served_.get().connections() == 0; }));
}

TEST_F(streams, cancel_the_handler_when_the_client_shuts_down_its_sending_side) {
  raw_client client(served_.port());
  client.get("/stay");
  client.read_until("hello");
  client.shutdown_sending();
  EXPECT_TRUE(client.sees_end());
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 1; }));
}

TEST_F(streams, may_be_told_instead_of_being_cancelled) {
  raw_client closing(served_.port());
  closing.get("/told");
  closing.read_until("hello");
  closing.close();
  EXPECT_TRUE(comes_true([&] { return seen_.ended == 1; }));
  raw_client shutting(served_.port());
  shutting.get("/told");
  shutting.read_until("hello");
  shutting.shutdown_sending();
  EXPECT_EQ(shutting.read_to_end(), "\r\n") << "the end of the chunk, and nothing after it";
  EXPECT_TRUE(comes_true([&] { return seen_.ended == 2; }));
  EXPECT_TRUE(comes_true([&] { return served_.get().connections() == 0; }));
  EXPECT_EQ(seen_.aborted, 0);
}

TEST_F(streams, are_cancelled_in_a_write_even_if_they_would_be_told) {
  raw_client client(served_.port(), "127.0.0.1", 4096);
  client.get("/told-flood");
  client.read_head();
  client.close();
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 1; }));
  EXPECT_TRUE(comes_true([&] { return served_.get().connections() == 0; }));
}

TEST_F(streams, see_the_client_go_while_the_first_chunk_is_stuck) {
  raw_client client(served_.port(), "127.0.0.1", 4096);
  client.get("/large-first");
  client.read_head();
  client.shutdown_sending();
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 1; }));
  EXPECT_TRUE(client.sees_end());
  EXPECT_FALSE(client.was_reset()) << "that is how a reader that takes nothing is cut";
}

TEST_F(streams, go_on_when_the_client_sends_early_and_close_at_the_end) {
  raw_client client(served_.port());
  client.get("/wait");
  client.read_until("hello\r\n");
  client.get("/numbers");
  client.get("/numbers");
  served_.drain(std::chrono::seconds(10));
  EXPECT_EQ(client.read_chunk(), "bye");
  EXPECT_EQ(client.read_chunk(), "");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(seen_.started, 1);
  EXPECT_EQ(seen_.ended, 1);
}

TEST_F(streams, end_when_a_reader_takes_nothing) {
  raw_client client(served_.port(), "127.0.0.1", 4096);
  client.get("/flood");
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 1; }));
  EXPECT_TRUE(client.sees_end());
  EXPECT_TRUE(client.was_reset());
}

TEST_F(streams, do_not_end_while_a_slow_reader_takes_something) {
  raw_client client(served_.port(), "127.0.0.1", 4096);
  client.get("/flood");
  const auto until = std::chrono::steady_clock::now() + 3 * limits_.write_timeout;
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_EQ(client.read_exactly(100'000).size(), 100'000U);
  }
  EXPECT_EQ(seen_.aborted, 0);
}

TEST_F(streams, that_are_not_ended_look_broken_off) {
  raw_client client(served_.port());
  client.get("/unfinished");
  EXPECT_THAT(client.read_to_end(), ::testing::EndsWith("\r\n\r\n"));
  EXPECT_TRUE(client.sees_end());
}

TEST_F(streams, can_be_cut) {
  raw_client client(served_.port());
  client.get("/cut");
  EXPECT_THAT(client.read_to_end(), ::testing::EndsWith("4\r\npart\r\n"));
  EXPECT_TRUE(client.sees_end());
  EXPECT_FALSE(client.was_reset());
  raw_client second(served_.port());
  second.get("/rst");
  EXPECT_TRUE(second.sees_end());
  EXPECT_TRUE(second.was_reset());
}

TEST_F(streams, of_a_thousand_clients_end_with_them) {
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<raw_client>(served_.port()));
    clients.back()->get("/stay");
  }
  EXPECT_TRUE(comes_true([&] { return seen_.started == 1000; }));
  for (auto& client : clients) EXPECT_THAT(client->read_until("hello"), HasSubstr("hello"));
  for (std::size_t i = 0; i < 500; ++i) clients[i]->close();
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 500; }));
  clients.clear();
  EXPECT_TRUE(comes_true([&] { return seen_.aborted == 1000; }));
}

TEST_F(streams, a_post_goes_on_when_its_client_hangs_up) {
  raw_client client(served_.port());
  client.send("POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(comes_true([&] { return seen_.started == 1; }));
  client.close();
  EXPECT_TRUE(releases_the_post());
  EXPECT_TRUE(comes_true([&] { return seen_.ended == 1; }));
  EXPECT_EQ(seen_.aborted, 0);
}

TEST_F(streams, drain_rings_and_waits) {
  raw_client idle(served_.port());
  idle.get("/numbers");
  idle.read_until("\r\n0\r\n\r\n");
  raw_client stream(served_.port());
  stream.get("/wait");
  stream.read_until("hello");
  raw_client post(served_.port());
  post.send("POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(releases_the_post());
  served_.drain(std::chrono::seconds(10));
  EXPECT_EQ(seen_.aborted, 0);
  EXPECT_TRUE(idle.sees_end());
  EXPECT_THAT(stream.read_to_end(), ::testing::EndsWith("3\r\nbye\r\n0\r\n\r\n"));
  EXPECT_EQ(post.read_response().body, "done");
  EXPECT_EQ(served_.get().connections(), 0U);
}

TEST_F(streams, drain_cancels_the_rest_at_its_deadline) {
  raw_client stream(served_.port());
  stream.get("/stay");
  stream.read_until("hello");
  raw_client post(served_.port());
  post.send("POST /post HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(comes_true([&] { return seen_.started == 2; }));
  served_.drain(std::chrono::milliseconds(50));
  EXPECT_EQ(seen_.aborted, 2);
  EXPECT_EQ(served_.get().connections(), 0U);
  EXPECT_TRUE(stream.sees_end());
}

}  // namespace
}  // namespace throughline::http
