// Whose the answers are that are written in this process, so that a reader who comes back to one is
// let in without a question to the database: a thousand who come back at once are a thousand
// questions less.
//
// It only knows what is so: the task runs here, and its conversation is not hidden. Whatever else
// is the case it does not know, and whoever asks goes on to the database. It is for the only
// process of a database: where another one could hide a conversation there is none.
//
// A task is added after the transaction that began it, and a conversation may be hidden by a
// transaction after that one and be done before the task is added. Hence the moments: what was
// asked for before a hiding ended is not added after it if it is of that conversation.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "store/claimed_task.hpp"

namespace throughline::engine {

/// Any thread.
class running_answers {
 public:
  using moment = std::uint64_t;

  /// To be taken before the transaction that may begin a task has done so.
  [[nodiscard]] moment now() const;
  /// `asked_at`: from before it was begun. Not kept if its conversation was hidden
  /// since, or so many were that it may have been among them (hidden_max); nor if its end is
  /// requested, as it is in a conversation that is hidden.
  void add(const store::claimed_task& task, moment asked_at);
  /// This attempt does not run here any more.
  void remove(const store::task_holder& held);

  /// After the transaction that hides a conversation, whatever has come of it. Costs nothing of
  /// what runs in others.
  void hidden(conversation_id conversation);

  enum class whose : std::uint8_t { unknown, theirs, somebody_elses };
  [[nodiscard]] whose look(const store::owner_id& owner, task_id task) const;

  /// Hidings that it remembers.
  static constexpr std::size_t hidden_max = 1024;

 private:
  struct entry {
    std::uint32_t attempt = 0;
    store::owner_id owner;
    conversation_id conversation;
  };

  using entries = std::unordered_map<task_id, entry>;
  void erase(entries::iterator one);

  mutable std::mutex mutex_;
  moment now_ = 0;                                  // hidings so far
  std::array<conversation_id, hidden_max> hidden_;  // at the moment it was hidden, modulo its size
  entries by_task_;
  std::unordered_multimap<conversation_id, task_id> by_conversation_;  // of by_task_
};

}  // namespace throughline::engine
