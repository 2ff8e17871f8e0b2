// The bodies of api/decode.hpp.
#include <algorithm>

#include "api/decode.hpp"
#include "base/json.hpp"

namespace throughline::api {
namespace {

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(
      utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

result<json::object> parse(std::string_view body) {
  if (is_blank(body)) return json::object{};
  return parse_json_object(body);
}

std::optional<error> reject_title(const std::optional<std::string>& title) {
  if (title && characters(*title) > title_characters_max) {
    return fail(errc::invalid_request,
                "title is longer than " + std::to_string(title_characters_max) + " characters");
  }
  return std::nullopt;
}

std::optional<error> reject_content(const std::optional<std::string>& content,
                                    std::size_t bytes_max) {
  if (content && content->size() > bytes_max) {
    return fail(errc::payload_too_large,
                "content is longer than " + std::to_string(bytes_max) + " bytes");
  }
  if (!content || is_blank(*content)) {
    return fail(errc::invalid_request, "content must not be empty");
  }
  return std::nullopt;
}

/// Content is read whole, so that what is too long gets an answer of its own; the body as a whole
/// is bounded by the server.
std::optional<std::string> read_content(object_reader& body) {
  body.require("content");
  return body.text("content", std::string::npos);
}

std::optional<std::string> read_name(object_reader& body, std::string_view name) {
  return body.text(name, model_bytes_max);
}

}  // namespace

result<store::new_conversation> decode_new_conversation(std::string_view body,
                                                        std::size_t text_bytes_max) {
  const auto object = parse(body);
  if (!object) return object.error();
  object_reader reader(*object);
  store::new_conversation fields;
  fields.title = reader.text("title", title_characters_max * 4);
  fields.model = read_name(reader, "model");
  fields.system_prompt = reader.text("system_prompt", text_bytes_max);
  if (auto bad = reader.finish()) return *bad;
  if (auto bad = reject_title(fields.title)) return *bad;
  return fields;
}

result<store::conversation_patch> decode_patch(std::string_view body, std::size_t text_bytes_max) {
  const auto object = parse(body);
  if (!object) return object.error();
  object_reader reader(*object);
  store::conversation_patch fields;
  fields.title = reader.text("title", title_characters_max * 4);
  auto model = read_name(reader, "model");
  auto system_prompt = reader.text("system_prompt", text_bytes_max);
  fields.pinned = reader.boolean("pinned");
  if (auto bad = reader.finish()) return *bad;
  for (const std::string_view name : {"title", "pinned"}) {
    if (reader.is_null(name)) {
      return fail(errc::invalid_request, std::string(name) + " must not be null");
    }
  }
  if (model || reader.is_null("model")) fields.model = std::move(model);
  if (system_prompt || reader.is_null("system_prompt")) {
    fields.system_prompt = std::move(system_prompt);
  }
  if (auto bad = reject_title(fields.title)) return *bad;
  return fields;
}

result<post_body> decode_post(std::string_view body, std::size_t text_bytes_max) {
  const auto object = parse(body);
  if (!object) return object.error();
  object_reader reader(*object);
  post_body post;
  auto content = read_content(reader);
  const auto parent = reader.text("parent_id", model_bytes_max);
  post.model = read_name(reader, "model");
  post.queue = read_name(reader, "queue");
  post.priority = reader.integer("priority", -100, 100).value_or(0);
  if (auto bad = reader.finish()) return *bad;
  if (auto bad = reject_content(content, text_bytes_max)) return *bad;
  post.content = std::move(*content);
  if (parent) {
    post.parent = message_id::parse(*parent);
    if (!post.parent) return fail(errc::invalid_request, "parent_id is not an id");
  }
  return post;
}

result<chat_body> decode_chat(std::string_view body, std::size_t text_bytes_max) {
  const auto object = parse(body);
  if (!object) return object.error();
  object_reader reader(*object);
  chat_body post;
  const auto session = reader.text("session_id", model_bytes_max);
  auto content = read_content(reader);
  post.model = read_name(reader, "model");
  post.queue = read_name(reader, "queue");
  post.system_prompt = reader.text("system_prompt", text_bytes_max);
  if (auto bad = reader.finish()) return *bad;
  if (session && post.system_prompt) {
    return fail(errc::invalid_request, "system_prompt is for a new session; this one has its own");
  }
  if (auto bad = reject_content(content, text_bytes_max)) return *bad;
  post.content = std::move(*content);
  if (session) post.session = conversation_id::parse(*session).value_or(conversation_id());
  return post;
}

result<std::string> decode_edit(std::string_view body, std::size_t text_bytes_max) {
  const auto object = parse(body);
  if (!object) return object.error();
  object_reader reader(*object);
  auto content = read_content(reader);
  if (auto bad = reader.finish()) return *bad;
  if (auto bad = reject_content(content, text_bytes_max)) return *bad;
  return std::move(*content);
}

result<std::optional<std::string>> decode_regenerate(std::string_view body) {
  const auto object = parse(body);
  if (!object) return object.error();
  object_reader reader(*object);
  auto model = read_name(reader, "model");
  if (auto bad = reader.finish()) return *bad;
  return model;
}

result<void> decode_nothing(std::string_view body) {
  const auto object = parse(body);
  if (!object) return object.error();
  object_reader reader(*object);
  if (auto bad = reader.finish()) return *bad;
  return {};
}

}  // namespace throughline::api
