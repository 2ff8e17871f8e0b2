#include "api/partial_text.hpp"

#include <boost/json/parse.hpp>

#include "base/json.hpp"

namespace throughline::api {
namespace {

constexpr std::size_t page_bytes_max = 256 * 1024;
constexpr std::size_t pages_max =
    64;  // an answer is bounded too; this bounds the loop whatever the log says

}  // namespace

void text_joiner::add(const stream::chunk_run& run) {
  auto frames = run.frames;
  while (!frames.empty()) {
    const auto frame = stream::take_frame(frames);
    if (!frame.at) continue;
    if (!at_ || at_->attempt != frame.at->attempt) so_far_ = {};
    at_ = frame.at;
    so_far_.chunk_count = std::int64_t{frame.at->index} + 1;
    boost::system::error_code ec;
    const auto chunk = json::parse(json::string_view(frame.json.data(), frame.json.size()), ec);
    if (ec || !chunk.is_object()) continue;
    const auto* const type = chunk.as_object().if_contains("chunk_type");
    const auto* const content = chunk.as_object().if_contains("content");
    if (type == nullptr || content == nullptr || *type != "content" || !content->is_string()) {
      continue;
    }
    so_far_.content += std::string_view(content->as_string().data(), content->as_string().size());
  }
}

aio::awaitable<partial_answer> partial_of(call in, task_id task) {
  text_joiner joined;
  bool exists = true;
  for (std::size_t page = 0; page < pages_max; ++page) {
    const auto read = co_await in.app.on.log.read(task, joined.at(), page_bytes_max);
    if (!read || !read->exists) {
      exists = false;
      break;
    }
    if (read->runs.empty()) break;
    for (const auto& run : read->runs) joined.add(run);
  }
  partial_answer partial = joined.take();
  if (!exists && partial.chunk_count == 0) {
    auto saved = co_await in.app.on.queue.saved(task);
    if (saved) partial.content = std::move(saved->content);
  }
  co_return partial;
}

}  // namespace throughline::api
