// The hot pieces of a chunk's way, one by one and without a socket: what comes from the model is
// cut into events and understood, what goes to readers is encoded, and what the load test receives
// is cut up again. The log and its followers are in stream_bench.cpp. Figures are in
// docs/benchmarks.md.
#include <benchmark/benchmark.h>

#include <string>

#include "load/answer_frames.hpp"
#include "load/response_reader.hpp"
#include "provider/openai_events.hpp"
#include "provider/sse_parser.hpp"
#include "stream/chunk.hpp"

namespace throughline {
namespace {

constexpr std::int64_t pieces = 100;  // handled in one iteration

/// One delta as OpenAI sends it, about 300 bytes.
const std::string delta =
    R"(data: {"id":"chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01","object":"chat.completion.chunk",)"
    R"("created":1764108000,"model":"gpt-4.1-mini-2025-04-14","service_tier":"default",)"
    R"("system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" Hello"},)"
    R"("logprobs":null,"finish_reason":null}],"usage":null})"
    "\n\n";

std::string repeated(const std::string& text) {
  std::string all;
  for (std::int64_t i = 0; i < pieces; ++i) all += text;
  return all;
}

void count(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * pieces);
}

void sse_parse(benchmark::State& state) {
  const auto bytes = repeated(delta);
  provider::sse_parser parser;
  for (auto _ : state) {
    parser.feed(bytes);
    while (const auto event = parser.next()) benchmark::DoNotOptimize(event->data.data());
  }
  count(state);
}
BENCHMARK(sse_parse);

/// The same one by one, as they come from a model.
void sse_parse_single(benchmark::State& state) {
  provider::sse_parser parser;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < pieces; ++i) {
      parser.feed(delta);
      while (const auto event = parser.next()) benchmark::DoNotOptimize(event->data.data());
    }
  }
  count(state);
}
BENCHMARK(sse_parse_single);

/// From the model's bytes to text: events, JSON, the delta in it.
void openai_delta(benchmark::State& state) {
  provider::openai_events parser;
  provider::event_batch out;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < pieces; ++i) {
      parser.feed(delta, out);
      benchmark::DoNotOptimize(out.data());
      out.clear();
    }
  }
  count(state);
}
BENCHMARK(openai_delta);

void frame_encode(benchmark::State& state) {
  const stream::chunk piece{stream::chunk_type::content, " Hello", ""};
  std::string out;
  for (auto _ : state) {
    for (std::uint32_t i = 0; i < pieces; ++i) {
      out.clear();
      stream::encode_chunk_frame(out, {1, i}, piece);
      benchmark::DoNotOptimize(out.data());
    }
  }
  count(state);
}
BENCHMARK(frame_encode);

/// What the load test does with a frame, HTTP included.
void frame_read(benchmark::State& state) {
  std::string frame;
  stream::encode_chunk_frame(frame, {1, 42}, {stream::chunk_type::content, " Hello", ""});
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", frame.size());
  const auto bytes = repeated(size + frame + "\r\n");
  load::response_reader response;
  load::answer_frames frames;
  std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  if (response.next(head) != load::response_reader::step::head) state.SkipWithError("no head");
  for (auto _ : state) {
    std::string_view rest = bytes;
    while (response.next(rest) == load::response_reader::step::body) {
      frames.feed(response.body());
      load::answer_frame one;
      while (frames.next(one)) benchmark::DoNotOptimize(one.text.data());
    }
  }
  count(state);
}
BENCHMARK(frame_read);

}  // namespace
}  // namespace throughline

BENCHMARK_MAIN();
