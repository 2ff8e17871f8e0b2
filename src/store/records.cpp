#include "store/records.hpp"

#include "base/assert.hpp"

namespace throughline::store {

std::string_view to_string(role which) noexcept {
  switch (which) {
    case role::system:
      return "system";
    case role::user:
      return "user";
    case role::assistant:
      return "assistant";
  }
  THROUGHLINE_ASSERT(false);
}

std::string_view to_string(message_status status) noexcept {
  switch (status) {
    case message_status::queued:
      return "queued";
    case message_status::generating:
      return "generating";
    case message_status::completed:
      return "completed";
    case message_status::cancelled:
      return "cancelled";
    case message_status::error:
      return "error";
  }
  THROUGHLINE_ASSERT(false);
}

std::string_view to_string(task_state state) noexcept {
  switch (state) {
    case task_state::blocked:
      return "blocked";
    case task_state::delayed:
      return "delayed";
    case task_state::waiting:
      return "waiting";
    case task_state::ready:
      return "ready";
    case task_state::running:
      return "running";
    case task_state::succeeded:
      return "succeeded";
    case task_state::failed:
      return "failed";
    case task_state::cancelled:
      return "cancelled";
  }
  THROUGHLINE_ASSERT(false);
}

std::string_view public_state(task_state state) noexcept {
  return state < task_state::running ? "queued" : to_string(state);
}

}  // namespace throughline::store
