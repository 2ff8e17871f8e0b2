#include "app/answer_reader.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace throughline::app {
namespace {

constexpr std::size_t event_bytes_max = 16 * 1024 * 1024;

std::string text_of(const json::object& chunk, std::string_view name) {
  const auto* field = chunk.if_contains(name);
  if (field == nullptr || !field->is_string()) return {};
  const auto& text = field->get_string();
  return {text.data(), text.size()};
}

answer_end ending_of(const json::object& chunk, bool is_error) {
  answer_end end;
  end.is_error = is_error;
  end.status = is_error ? "error" : text_of(chunk, "status");
  end.finish_reason = text_of(chunk, "finish_reason");
  end.message = text_of(chunk, "content");
  const auto* retryable = chunk.if_contains("retryable");
  end.retryable = retryable != nullptr && retryable->is_bool() && retryable->get_bool();
  return end;
}

std::optional<answer_event> event_of(const json::object& chunk) {
  const auto type = text_of(chunk, "chunk_type");
  if (type == "content" || type == "reasoning") {
    return answer_text{.text = text_of(chunk, "content"), .is_reasoning = type == "reasoning"};
  }
  if (type == "reset") return answer_reset{.reason = text_of(chunk, "reason")};
  if (type == "done" || type == "error") return ending_of(chunk, type == "error");
  return std::nullopt;
}

}  // namespace

std::vector<answer_event> answer_reader::feed(std::string_view bytes) {
  std::vector<answer_event> out;
  buffer_ += bytes;
  std::size_t begin = 0;
  for (auto end = buffer_.find('\n'); end != std::string::npos; end = buffer_.find('\n', begin)) {
    auto line = std::string_view(buffer_).substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take_line(line, out);
    begin = end + 1;
  }
  buffer_.erase(0, begin);
  if (buffer_.size() > event_bytes_max) buffer_.clear();
  return out;
}

void answer_reader::reconnect() {
  buffer_.clear();
  id_.clear();
  data_.clear();
  begins_again_ = position_.empty() && has_text_;
}

void answer_reader::take_line(std::string_view line, std::vector<answer_event>& out) {
  const auto value_of = [&](std::string_view name) -> std::optional<std::string_view> {
    if (!line.starts_with(name)) return std::nullopt;
    auto value = line.substr(name.size());
    if (value.starts_with(' ')) value.remove_prefix(1);
    return value;
  };
  if (line.empty()) {
    dispatch(out);
  } else if (const auto id = value_of("id:")) {
    id_ = *id;
  } else if (const auto data = value_of("data:")) {
    if (data_.size() < event_bytes_max) data_ += *data;
  }
}

void answer_reader::dispatch(std::vector<answer_event>& out) {
  const auto id = std::exchange(id_, {});
  const auto data = std::exchange(data_, {});
  if (data.empty() || has_ended_) return;
  const auto chunk = parse_json_object(data);
  if (!chunk) return;
  auto event = event_of(*chunk);
  if (!event) return;
  if (const auto at = stream::parse_position(id)) {
    // A chunk that was read already, by a connection that was believed dead.
    if (newest_ && *at <= *newest_) return;
    newest_ = at;
    position_ = id;
  } else if (std::holds_alternative<answer_reset>(*event)) {
    // Not part of the log: the whole text follows, under the ids it has, whatever they are. The
    // position that it gives is none, so that coming back before the end brings the whole text too.
    newest_.reset();
    position_ = id;
  }
  if (std::exchange(begins_again_, false) && !std::holds_alternative<answer_reset>(*event)) {
    out.push_back(answer_reset{.reason = "sent_again"});
  }
  has_text_ = true;
  has_ended_ = std::holds_alternative<answer_end>(*event);
  out.push_back(std::move(*event));
}

std::string without_controls(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F) continue;
    // U+0080 to U+009F, which some terminals obey.
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      ++i;
      continue;
    }
    out += text[i];
  }
  return out;
}

}  // namespace throughline::app
