#include "app/answer_reader.hpp"

#include <gtest/gtest.h>

namespace throughline::app {
namespace {

constexpr std::string_view stream =
    "retry: 1000\n\n"
    "id: 1-0\ndata: {\"chunk_index\":0,\"chunk_type\":\"reasoning\",\"content\":\"hm\"}\n\n"
    ": keep-alive\n\n"
    "id: 1-1\ndata: {\"chunk_index\":1,\"chunk_type\":\"content\",\"content\":\"Hé\\nl\"}\n\n"
    "id: 2-0\ndata: "
    "{\"chunk_index\":0,\"chunk_type\":\"reset\",\"content\":\"\",\"attempt\":2,\"reason\":"
    "\"worker_lost\"}\n\n"
    "id: 2-1\r\ndata: {\"chunk_index\":1,\"chunk_type\":\"content\",\"content\":\"Hello\"}\r\n\r\n"
    "id: 2-2\ndata: "
    "{\"chunk_index\":2,\"chunk_type\":\"done\",\"content\":\"\",\"status\":\"completed\","
    "\"finish_reason\":\"stop\"}\n\n";

/// `[hm]Hé|reset:worker_lost|Hello|completed/stop`
std::string told(const std::vector<answer_event>& events) {
  std::string out;
  for (const auto& event : events) {
    if (const auto* text = std::get_if<answer_text>(&event)) {
      out += text->is_reasoning ? "[" + text->text + "]" : text->text;
    } else if (const auto* reset = std::get_if<answer_reset>(&event)) {
      out += "|reset:" + reset->reason + "|";
    } else if (const auto* end = std::get_if<answer_end>(&event)) {
      out +=
          "|" + end->status + "/" + end->finish_reason + end->message + (end->retryable ? "!" : "");
    }
  }
  return out;
}

constexpr std::string_view whole = "[hm]H\xC3\xA9\nl|reset:worker_lost|Hello|completed/stop";

TEST(answer_reader, reads_a_stream_cut_anywhere) {
  for (std::size_t size = 1; size < stream.size(); size += 7) {
    answer_reader reader;
    std::vector<answer_event> all;
    for (std::size_t i = 0; i < stream.size(); i += size) {
      const auto some = reader.feed(stream.substr(i, size));
      all.insert(all.end(), some.begin(), some.end());
    }
    EXPECT_EQ(told(all), whole) << size;
    EXPECT_TRUE(reader.has_ended());
    EXPECT_EQ(reader.position(), "2-2");
  }
}

TEST(answer_reader, resumes_after_a_cut_at_any_byte) {
  for (std::size_t cut = 0; cut < stream.size(); ++cut) {
    answer_reader reader;
    auto all = reader.feed(stream.substr(0, cut));
    if (reader.has_ended()) break;
    reader.reconnect();
    // A server that ignored the position: what was read already is dropped.
    for (auto& event : reader.feed(stream)) all.push_back(event);
    EXPECT_EQ(told(all), whole) << cut;
  }
}

TEST(answer_reader, text_without_ids_leaves_the_position_that_its_reset_has_voided) {
  answer_reader reader;
  const auto first =
      reader.feed("id: 1-5\ndata: {\"chunk_type\":\"content\",\"content\":\"a\"}\n\n");
  const auto rest = reader.feed(
      "id: 0-0\ndata: "
      "{\"chunk_index\":-1,\"chunk_type\":\"reset\",\"content\":\"\",\"reason\":\"resumed_from_"
      "store\"}\n\n"
      "data: {\"chunk_type\":\"content\",\"content\":\"b\"}\n\n");
  EXPECT_EQ(told(rest), "|reset:resumed_from_store|b");
  EXPECT_EQ(reader.position(), "0-0");
  reader.reconnect();
  const auto again = reader.feed(
      "id: 0-0\ndata: "
      "{\"chunk_index\":-1,\"chunk_type\":\"reset\",\"content\":\"\",\"reason\":\"position_"
      "unknown\"}\n\n"
      "id: 1-0\ndata: {\"chunk_type\":\"content\",\"content\":\"bc\"}\n\n");
  EXPECT_EQ(told(again), "|reset:position_unknown|bc");
  EXPECT_EQ(reader.position(), "1-0");
}

TEST(answer_reader, takes_the_whole_text_again_when_the_server_does_not_know_the_position) {
  answer_reader reader;
  (void)reader.feed("id: 2-7\ndata: {\"chunk_type\":\"content\",\"content\":\"lost\"}\n\n");
  reader.reconnect();
  const auto rest = reader.feed(
      "id: 0-0\ndata: "
      "{\"chunk_index\":-1,\"chunk_type\":\"reset\",\"content\":\"\",\"reason\":"
      "\"position_unknown\"}\n\n"
      "id: 1-0\ndata: {\"chunk_type\":\"content\",\"content\":\"a\"}\n\n"
      "id: 1-1\ndata: {\"chunk_type\":\"content\",\"content\":\"b\"}\n\n");
  EXPECT_EQ(told(rest), "|reset:position_unknown|ab");
  EXPECT_EQ(reader.position(), "1-1");
}

TEST(answer_reader, text_without_ids_that_broke_off_is_void_when_it_comes_again) {
  constexpr std::string_view stored = "data: {\"chunk_type\":\"content\",\"content\":\"a\"}\n\n";
  answer_reader reader;
  reader.reconnect();
  EXPECT_EQ(told(reader.feed(stored)), "a");
  reader.reconnect();
  EXPECT_EQ(told(reader.feed(stored)), "|reset:sent_again|a");
  EXPECT_EQ(told(reader.feed(stored)), "a");
}

TEST(answer_reader, errors_and_nonsense) {
  answer_reader reader;
  EXPECT_EQ(told(reader.feed("data: not json\n\ndata: {\"chunk_type\":\"new\"}\n\nid: 1-0\n\n")),
            "");
  EXPECT_EQ(told(reader.feed("id: 1-1\ndata: {\"chunk_type\":\"error\",\"content\":\"no "
                             "key\",\"retryable\":true}\n\n")),
            "|error/no key!");
  EXPECT_EQ(
      told(reader.feed("id: 1-2\ndata: {\"chunk_type\":\"content\",\"content\":\"late\"}\n\n")),
      "");
}

TEST(without_controls, keeps_text_and_nothing_that_moves_the_cursor) {
  EXPECT_EQ(without_controls("a\x1b[31mb\rc\n\td\x7f"), "a[31mbc\n\td");
  EXPECT_EQ(without_controls("\xC2\x9B"
                             "31m\xC2\xA9\xE2\x82\xAC"),
            "31m\xC2\xA9\xE2\x82\xAC");
}

}  // namespace
}  // namespace throughline::app
