// Some servers put the reasoning of a model into the content itself, as `<think>...</think>` at its
// very start. This splitter tells the two apart, tags cut anywhere over deltas. Pure. Used by
// openai_events.
#pragma once

#include <string>
#include <string_view>

#include "provider/provider.hpp"

namespace throughline::provider {

class think_tags {
 public:
  /// Appends what `text` adds to the content or the reasoning. Text that may yet become a tag is
  /// held back.
  void feed(std::string_view text, event_batch& out);
  /// No more content comes: what was held back is text after all.
  void end(event_batch& out);

 private:
  enum class place : std::uint8_t { at_start, in_reasoning, after_reasoning, in_content };

  void look_for_opening(event_batch& out);
  void look_for_closing(event_batch& out);
  void skip_blank(event_batch& out);

  place place_ = place::at_start;
  std::string held_;
};

/// Appends a delta unless `text` is empty. NUL becomes U+FFFD: no database keeps it in a text.
void append_text(event_batch& out, std::string_view text, bool is_reasoning);

}  // namespace throughline::provider
