// What only a log in Redis can go through: several processes, people who look, and everything that
// may happen to a Redis.
#include "base/metrics.hpp"
#include "contract/stream_redis_fixture.hpp"

namespace throughline::stream::testing {
namespace {

using redis::value;

class redis_chunk_log_test : public ::testing::Test {
 protected:
  append_result append(redis_user& by, std::uint32_t attempt, std::uint32_t first,
                       std::vector<chunk> chunks) {
    const auto got = try_append(by, attempt, first, std::move(chunks));
    return got ? *got : append_result{};
  }
  result<append_result> try_append(redis_user& by, std::uint32_t attempt, std::uint32_t first,
                                   std::vector<chunk> chunks) {
    return await_on(loops[0],
                    by.log().append({task, attempt, worker, message}, first, std::move(chunks)));
  }
  /// Repeats the append until Redis takes it or says something else.
  append_result append_at_last(redis_user& by, std::uint32_t first, std::vector<chunk> chunks) {
    while (true) {
      if (auto got = try_append(by, 1, first, chunks)) return *got;
      std::this_thread::sleep_for(1ms);
    }
  }
  result<append_result> open(redis_user& by, std::uint32_t attempt) {
    return await_on(loops[0], by.log().open({task, attempt, worker, message}));
  }
  read_result read(redis_user& by) {
    return *await_on(loops[0], by.log().read(task, std::nullopt, no_limit));
  }

  std::unique_ptr<chunk_follower> attach(redis_user& to) {
    return std::make_unique<chunk_follower>(loops[0], to.log(), endings, task, follow_from(), time);
  }
  /// The next `count` chunks, in a few letters.
  std::vector<std::string> next(chunk_follower& reader, std::size_t count) {
    std::vector<std::string> words;
    while (words.size() < count) {
      const auto got = await_on(loops[0], reader.next(hang));
      if (got.status != follow_status::frames) break;
      for (auto& each : told(got.runs)) words.push_back(std::move(each));
    }
    return words;
  }
  bool has_nothing_new(chunk_follower& reader) {
    return await_on(loops[0], reader.next(0ms)).status == follow_status::idle;
  }

  std::string key(const std::string& part) { return "stream:" + task.to_string() + part; }
  value ask(std::vector<std::string> words) { return server.ask(words); }
  /// The TTL in seconds of both keys, those of them that exist.
  std::vector<std::int64_t> ttls() {
    std::vector<std::int64_t> out;
    for (const auto* part : {":chunks", ":metadata"}) {
      const auto left = ask({"TTL", key(part)}).integer;
      if (left != -2) out.push_back(left);
    }
    return out;
  }
  std::map<std::string, std::string> metadata() {
    const auto got = ask({"HGETALL", key(":metadata")});
    std::map<std::string, std::string> out;
    for (std::size_t i = 0; i + 1 < got.items.size(); i += 2) {
      out[got.items[i].text] = got.items[i + 1].text;
    }
    return out;
  }

  redis::server_process server;
  manual_clock time;
  redis_user writer_process{server.where(), time, 1h};
  redis_user reader_process{server.where(), time, 1h};
  scripted_endings endings;
  aio::event_loops loops{1, "test"};
  const task_id task = task_id::generate();
  const worker_id worker = worker_id::generate();
  const message_id message = message_id::generate();
};

using strings = std::vector<std::string>;

TEST_F(redis_chunk_log_test, people_see_what_they_know) {
  ASSERT_TRUE(open(writer_process, 1));
  EXPECT_EQ(metadata()["status"], "generating");
  EXPECT_EQ(metadata()["chunk_count"], "0");
  append(writer_process, 1, 0, {text("a\n\"b\""), text("c")});
  const auto chunks = ask({"LRANGE", key(":chunks"), "0", "-1"});
  ASSERT_EQ(chunks.items.size(), 2U);
  EXPECT_EQ(chunks.items[0].text,
            R"({"chunk_index":0,"chunk_type":"content","content":"a\n\"b\""})");
  EXPECT_EQ(chunks.items[1].text, R"({"chunk_index":1,"chunk_type":"content","content":"c"})");
  auto seen = metadata();
  EXPECT_EQ(seen["attempt"], "1");
  EXPECT_EQ(seen["worker"], worker.to_string());
  EXPECT_EQ(seen["message_id"], message.to_string());
  EXPECT_EQ(seen["chunk_count"], "2");
  EXPECT_EQ(seen["started_at"], format_rfc3339(time.wall_now()));
  time.advance(5ms);
  append(writer_process, 1, 2, {done()});
  seen = metadata();
  EXPECT_EQ(seen["status"], "completed");
  EXPECT_EQ(seen["updated_at"], format_rfc3339(time.wall_now()));
  EXPECT_NE(seen["started_at"], seen["updated_at"]);

  const auto reader = attach(reader_process);
  EXPECT_EQ(next(*reader, 3).size(), 3U);
  const auto channels = ask({"PUBSUB", "CHANNELS", "stream:*"});
  ASSERT_EQ(channels.items.size(), 1U);
  EXPECT_EQ(channels.items[0].text, key(""));
}

TEST_F(redis_chunk_log_test, no_key_is_ever_without_a_ttl) {
  const auto expect_ttls = [&](std::size_t keys) {
    const auto all = ttls();
    EXPECT_EQ(all.size(), keys);
    for (const auto left : all) EXPECT_TRUE(left > 3500 && left <= 3600) << left;
  };
  ASSERT_TRUE(open(writer_process, 1));
  expect_ttls(1);
  append(writer_process, 1, 0, {text("a")});
  expect_ttls(2);
  for (const auto* part : {":chunks", ":metadata"}) ask({"EXPIRE", key(part), "10"});
  time.advance(1s);
  append(writer_process, 1, 1, {text("b")});
  expect_ttls(2);
  ASSERT_TRUE(open(writer_process, 2));
  expect_ttls(2);
  append(writer_process, 2, 0, {reset(), done()});
  expect_ttls(2);
  ask({"DEL", key(":chunks")});
  append(writer_process, 2, 2, {});
  expect_ttls(0);
}

TEST_F(redis_chunk_log_test, one_key_without_the_other_counts_as_nothing_and_goes) {
  for (const auto* part : {":chunks", ":metadata"}) {
    append(writer_process, 1, 0, {text("a"), text("b")});
    ask({"DEL", key(part)});
    EXPECT_FALSE(read(reader_process).exists) << part;
    const auto got = append(writer_process, 1, 2, {text("c")});
    EXPECT_EQ(got.status, append_status::mismatch);
    EXPECT_EQ(got.length, 0U);
    EXPECT_TRUE(ttls().empty()) << "both are gone";
  }
  // A list that lost only some of its chunks is no log either.
  append(writer_process, 1, 0, {text("a"), text("b")});
  ask({"LPOP", key(":chunks")});
  EXPECT_FALSE(read(reader_process).exists);
  EXPECT_EQ(append(writer_process, 1, 0, {text("a")}).length, 1U);
}

TEST_F(redis_chunk_log_test, what_somebody_else_has_written_is_never_sent_to_a_reader) {
  append(writer_process, 1, 0, {text("a")});
  ask({"LSET", key(":chunks"), "0", "{}\n\nid: 9-9"});
  EXPECT_FALSE(await_on(loops[0], reader_process.log().read(task, std::nullopt, no_limit)));
  const auto reader = attach(reader_process);
  EXPECT_TRUE(has_nothing_new(*reader));
  ask({"PUBLISH", key(""), "1 0\n{}"});
  ask({"PUBLISH", key(""), "nonsense"});
  ask({"DEL", key(":chunks"), key(":metadata")});
  append(writer_process, 1, 0, {text("b")});
  time.advance(1s);
  EXPECT_EQ(next(*reader, 1), strings{"1-0 content b"});
}

TEST_F(redis_chunk_log_test, chunks_reach_another_process_without_its_reading_the_log) {
  const auto reader = attach(reader_process);
  EXPECT_TRUE(has_nothing_new(*reader));
  const auto calls = [&] {
    const auto stats = ask({"INFO", "commandstats"}).text;
    const auto at = stats.find("cmdstat_lrange:calls=");
    return at == std::string::npos ? std::string("0")
                                   : stats.substr(at + 21, stats.find(',', at) - at - 21);
  };
  for (std::uint32_t i = 0; i < 100; ++i) {
    append(writer_process, 1, i, {text("w" + std::to_string(i))});
    EXPECT_EQ(next(*reader, 1),
              strings{"1-" + std::to_string(i) + " content w" + std::to_string(i)});
  }
  EXPECT_EQ(calls(), "0");
}

TEST_F(redis_chunk_log_test, readers_share_one_copy_that_goes_with_the_last) {
  append(writer_process, 1, 0, {text("a")});
  auto first = attach(reader_process);
  auto second = attach(reader_process);
  EXPECT_EQ(next(*first, 1), strings{"1-0 content a"});
  EXPECT_EQ(next(*second, 1), strings{"1-0 content a"});
  EXPECT_EQ(ask({"PUBSUB", "NUMSUB", key("")}).items[1].integer, 1);
  first.reset();
  append(writer_process, 1, 1, {text("b")});
  EXPECT_EQ(next(*second, 1), strings{"1-1 content b"});
  second.reset();
  const auto deadline = std::chrono::steady_clock::now() + hang;
  while (ask({"PUBSUB", "NUMSUB", key("")}).items[1].integer != 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(1ms);
  }
}

TEST_F(redis_chunk_log_test, a_long_log_is_read_in_pages) {
  std::vector<chunk> chunks;
  for (int i = 0; i < 600; ++i) chunks.push_back(text(std::string(10'000, 'x')));
  append(writer_process, 1, 0, chunks);
  const auto reader = attach(reader_process);
  EXPECT_EQ(next(*reader, 600).size(), 600U);
  append(writer_process, 1, 600, {done()});
  EXPECT_EQ(next(*reader, 1), strings{"1-600 done"});
}

TEST_F(redis_chunk_log_test, readers_do_not_notice_that_a_log_was_lost_and_written_again) {
  const auto reader = attach(reader_process);
  append(writer_process, 1, 0, {text("a"), text("b")});
  EXPECT_EQ(next(*reader, 2), (strings{"1-0 content a", "1-1 content b"}));
  ask({"FLUSHALL"});
  const auto got = append(writer_process, 1, 2, {text("c")});
  EXPECT_EQ(got.status, append_status::mismatch);
  EXPECT_EQ(got.length, 0U);
  EXPECT_TRUE(has_nothing_new(*reader));
  append(writer_process, 1, 0, {text("a")});
  append(writer_process, 1, 1, {text("b"), text("c")});
  EXPECT_EQ(next(*reader, 1), strings{"1-2 content c"});
  EXPECT_EQ(next(*attach(reader_process), 3).size(), 3U);
}

TEST_F(redis_chunk_log_test, a_server_that_is_killed_and_comes_back_empty_costs_only_time) {
  const auto reader = attach(reader_process);
  append(writer_process, 1, 0, {text("a")});
  EXPECT_EQ(next(*reader, 1), strings{"1-0 content a"});
  server.kill();
  EXPECT_TRUE(has_nothing_new(*reader));
  server.start();
  const auto got = append_at_last(writer_process, 1, {text("b")});
  EXPECT_EQ(got.status, append_status::mismatch);
  EXPECT_EQ(got.length, 0U);
  EXPECT_EQ(append(writer_process, 1, 0, {text("a"), text("b"), done()}).length, 3U);
  EXPECT_EQ(next(*reader, 2), (strings{"1-1 content b", "1-2 done"}));
}

TEST_F(redis_chunk_log_test, what_is_said_while_the_subscriptions_are_cut_is_read) {
  const auto reader = attach(reader_process);
  for (std::uint32_t i = 0; i < 10; ++i) {
    ask({"CLIENT", "KILL", "TYPE", "pubsub"});
    append(writer_process, 1, i, {text("w" + std::to_string(i))});
    // The clock stands still: nothing but the new subscription makes it read.
    EXPECT_EQ(next(*reader, 1),
              strings{"1-" + std::to_string(i) + " content w" + std::to_string(i)});
  }
}

TEST_F(redis_chunk_log_test, what_nobody_announced_is_found_after_a_second) {
  const auto reader = attach(reader_process);
  append(writer_process, 1, 0, {text("a")});
  EXPECT_EQ(next(*reader, 1), strings{"1-0 content a"});
  ask({"RPUSH", key(":chunks"), R"({"chunk_index":1,"chunk_type":"content","content":"b"})"});
  ask({"HSET", key(":metadata"), "chunk_count", "2"});
  EXPECT_TRUE(has_nothing_new(*reader));
  time.advance(1s);
  EXPECT_EQ(next(*reader, 1), strings{"1-1 content b"});
}

TEST_F(redis_chunk_log_test, a_full_server_refuses_an_append_whole) {
  append(writer_process, 1, 0, {text("a")});
  ask({"CONFIG", "SET", "maxmemory", "1"});
  const auto refused = try_append(writer_process, 1, 1, {text("b")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  ASSERT_FALSE(open(writer_process, 2));
  const auto found = read(reader_process);
  EXPECT_EQ(found.length, 1U);
  EXPECT_EQ(metadata()["attempt"], "1");
  EXPECT_EQ(metadata()["chunk_count"], "1");
  ask({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_EQ(append(writer_process, 1, 1, {text("b")}).length, 2U);
}

TEST_F(redis_chunk_log_test, first_reads_fail_at_once_while_redis_is_known_to_be_away) {
  append(writer_process, 1, 0, {text("a")});
  server.kill();
  EXPECT_FALSE(await_on(loops[0], writer_process.log().read(task, std::nullopt, no_limit)));
  // It is an answer of the database then.
  endings.end(task, {{1, 1}, done(), "", "a"});
  const auto reader = attach(writer_process);
  EXPECT_EQ(next(*reader, 2), (strings{"- content a", "1-1 done"}));
}

TEST_F(redis_chunk_log_test, a_lost_log_that_is_written_again_is_counted) {
  auto& rewrites = metrics::find_counter(metrics::chunk_log_rewrites);
  const auto before = rewrites.value();
  append(writer_process, 1, 0, {text("a")});
  append(writer_process, 1, 1, {text("b")});
  EXPECT_EQ(rewrites.value(), before);
  ask({"FLUSHALL"});
  append(writer_process, 1, 0, {text("a"), text("b")});
  EXPECT_EQ(rewrites.value(), before + 1);
  append(writer_process, 2, 0, {reset()});
  EXPECT_EQ(rewrites.value(), before + 1) << "a new attempt is none";
}

}  // namespace
}  // namespace throughline::stream::testing
