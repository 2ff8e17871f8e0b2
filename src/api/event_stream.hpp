// /events: one connection that carries everything of a principal. A reader of changes and one
// follower for each active task write into one outbox; the coroutine of the request takes whatever
// has gathered there and sends it in one write.
//
// - Nothing is missed: the owner's bell is listened to before the first read, and a bell that was
// lost costs as long as a keep-alive takes.
// - A stream in which nothing happens is one coroutine and nothing else: changes are read by one
// that lives while there are some.
// - Nothing piles up behind a slow client: whoever finds the outbox full waits. Of a follower's
// page only the shared frames
//   are held meanwhile, no copies.
// - A task is followed once. One that is active is followed from the client's cursor or from its
// start; one that had ended
//   before the client came is not, unless the client named it: its message came with the changes.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "aio/task_group.hpp"
#include "api/decode.hpp"
#include "api/routes.hpp"

namespace throughline::api {

struct events_from {
  std::optional<std::int64_t> since;  // nullopt: a snapshot first
  std::vector<task_cursor> cursors;
};

/// On the loop of its exchange. REQUIRES: destroyed after run() has returned or thrown.
class event_stream {
 public:
  /// `place` is held for as long as it lives.
  event_stream(call in, events_from from, stream_tickets::ticket place);

  /// Streams, after the opening, until the client has gone (`operation_aborted`) or the server
  /// drains.
  [[nodiscard]] aio::awaitable<> run();

 private:
  /// What everything that is sent passes through.
  class outbox {
   public:
    explicit outbox(aio::event_loop& loop) : filled_(aio::bell::create(loop)) {}
    /// Suspends while there is no room. `mine` is the caller's own bell.
    [[nodiscard]] aio::awaitable<> room(std::shared_ptr<aio::bell> mine);
    /// Appends to what will be sent: `write(std::string&)`.
    template <class Write>
    void add(Write write) {
      write(text_);
      filled_->ring();
    }
    /// All there is, making room.
    [[nodiscard]] std::string take();
    [[nodiscard]] bool is_empty() const { return text_.empty(); }
    [[nodiscard]] const std::shared_ptr<aio::bell>& filled() const { return filled_; }

   private:
    std::string text_;
    std::shared_ptr<aio::bell> filled_;
    std::vector<std::shared_ptr<aio::bell>> waiting_;
  };

  void begin();
  [[nodiscard]] bool is_over() const {
    return in_.exchange.is_draining() || in_.exchange.is_gone();
  }
  /// Empties `text` when all of it is written.
  aio::awaitable<> write(std::string* text);

  void read_changes_soon();
  aio::awaitable<> read_changes();
  aio::awaitable<> begin_changes(std::shared_ptr<aio::bell> mine);
  enum class news : std::uint8_t { none, more, failed };
  aio::awaitable<news> send_next_changes(std::shared_ptr<aio::bell> mine);
  aio::awaitable<bool> send_first_changes(std::shared_ptr<aio::bell> mine);
  aio::awaitable<bool> send_changes(std::shared_ptr<aio::bell> mine, store::changes changed);
  aio::awaitable<bool> follow_active_tasks();

  aio::awaitable<> follow(task_id task, stream::follow_from from, bool is_checked);
  aio::awaitable<bool> belongs_to_owner(task_id task);
  void start_following(task_id task, stream::follow_from from, bool is_checked);
  void stopped_following(task_id task);

  struct waiting_task {
    task_id task;
    stream::follow_from from;
    bool is_checked = false;
  };

  call in_;
  const events_from from_;
  const stream_tickets::ticket place_;
  const wall_time connected_at_;
  outbox outbox_;
  std::shared_ptr<aio::bell> changed_;
  std::unique_ptr<engine::notices::watch> watch_;
  bool is_reading_ = false;
  bool has_begun_ = false;  // the first changes are in the outbox
  bool is_news_ = false;    // the bell rang while they were being read
  std::int64_t rev_ = 0;
  std::size_t followers_ = 0;
  std::unordered_set<task_id> seen_;  // followed, waiting to be, or ended a while ago
  // Lists: empty ones own no memory, and ten thousand streams have nothing in them.
  std::list<task_id> ended_;         // of those, the ones to forget first
  std::list<waiting_task> waiting_;  // more active tasks than may be followed at once
  aio::task_group group_;            // last
};

}  // namespace throughline::api
