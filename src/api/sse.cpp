#include "api/sse.hpp"

namespace throughline::api {

http::response sse_head() {
  http::response head;
  head.headers.set("Content-Type", "text/event-stream; charset=utf-8");
  head.headers.set("Cache-Control", "no-cache, no-transform");
  head.headers.set("X-Accel-Buffering", "no");
  return head;
}

std::string sse_goodbye(random_source& random) {
  const auto delay = 1'000 + static_cast<int>(random.uniform() * 4'000);
  return "retry: " + std::to_string(delay) + "\n\n";
}

void append_task_frame(std::string& out, std::string_view task, const stream::frame_view& frame) {
  constexpr std::string_view id = "id: ";
  if (!frame.whole.starts_with(id)) {
    out += frame.whole;
    return;
  }
  out += id;
  out += task;
  out += ':';
  out += frame.whole.substr(id.size());
}

void append_chunk_event(std::string& out, std::string_view task, const stream::frame_view& frame) {
  out += "event: chunk\ndata: {\"task_id\":\"";
  out += task;
  out += "\",\"attempt\":";
  out += frame.at ? std::to_string(frame.at->attempt) : std::string("null");
  out += ",\"chunk\":";
  out += frame.json;
  out += "}\n\n";
}

void append_change_event(std::string& out, std::int64_t rev, std::string_view json) {
  out += "event: change\nid: ";
  out += std::to_string(rev);
  out += "\ndata: ";
  out += json;
  out += "\n\n";
}

}  // namespace throughline::api
