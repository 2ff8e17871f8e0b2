// What the sources of api/encode.hpp have in common.
#pragma once

#include <optional>
#include <string>

#include "api/json_writer.hpp"
#include "store/conversations.hpp"
#include "store/records.hpp"

namespace throughline::api {

/// An object, or null.
inline void append_failure(std::string& out, const std::optional<store::answer_error>& failure) {
  if (!failure) {
    out += "null";
    return;
  }
  object_writer object(out);
  object.text("code", failure->code);
  object.text("message", failure->message);
  object.boolean("retryable", failure->retryable);
}

/// The object whose members `write(object_writer&)` writes.
template <class Write>
std::string encode_object(Write write) {
  std::string out;
  {
    object_writer object(out);
    write(object);
  }
  return out;
}

/// `{"data":[...],"next_cursor":...}`, each row written by `append(out, row)`.
template <class Row, class Append>
std::string encode_page(const store::page<Row>& page, Append append) {
  return encode_object([&](object_writer& object) {
    append_array(object.name("data"), page.data, append);
    object.text("next_cursor", page.next_cursor);
  });
}

/// What `append(out, row)` writes.
template <class Row, class Append>
std::string encode_one(const Row& row, Append append) {
  std::string out;
  append(out, row);
  return out;
}

}  // namespace throughline::api
