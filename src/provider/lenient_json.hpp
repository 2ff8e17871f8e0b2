// JSON as model servers write it. One difference to a strict parser: an escape of half a surrogate
// pair (`\ud83d` alone), which servers that cut text by UTF-16 units send, reads as U+FFFD and not
// as an error. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/storage_ptr.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace throughline::provider {

namespace json = boost::json;

/// One JSON object; nullopt for everything else. `text` is valid UTF-8. The value lives in `where`.
[[nodiscard]] std::optional<json::object> parse_lenient(std::string_view text,
                                                        const json::storage_ptr& where = {});

/// `text` with the escapes of lone surrogates replaced by `\ufffd`; nullopt if there is none, the
/// usual case.
[[nodiscard]] std::optional<std::string> without_lone_surrogates(std::string_view text);

/// Members of an object, or the neutral value if absent or of another type.
[[nodiscard]] std::string_view text_at(const json::object& object, std::string_view name);
[[nodiscard]] const json::object* object_at(const json::object& object, std::string_view name);
[[nodiscard]] const json::array* array_at(const json::object& object, std::string_view name);
/// A whole number of at least 0 and below 10^15; also one written as `12.0`.
[[nodiscard]] std::optional<std::int64_t> count_at(const json::object& object,
                                                   std::string_view name);

}  // namespace throughline::provider
