// One connection through a chaos proxy: two sockets, and a lane for each direction between them.
// Each direction has a coroutine that reads while the lane has room and one that writes what the
// lane lets go. Used by chaos::proxy.
#pragma once

#include <memory>
#include <unordered_set>

#include "aio/task_group.hpp"
#include "chaos/lane.hpp"

namespace throughline::chaos {

class connection : public std::enable_shared_from_this<connection> {
 public:
  /// What all connections of a proxy share; it outlives them.
  struct surroundings {
    aio::event_loop& loop;
    aio::task_group& group;
    random_source& random;
    std::size_t buffer_bytes;               // for each direction
    std::unordered_set<connection*>& open;  // this connection is in it for as long as it lives
    std::uint64_t& bytes_up;                // what has passed, of all connections
    std::uint64_t& bytes_down;
  };

  connection(const surroundings& around, aio::tcp_socket client, aio::tcp_socket server,
             const rules& how);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Begins to pass bytes; the coroutines keep the connection alive. On the loop, like all of this.
  void start();
  void apply(const rules& how);
  /// Ends both sides now: by a reset, or as a peer that closes does. What is queued is lost.
  enum class manner : std::uint8_t { close, reset };
  void cut(manner how);

 private:
  struct direction {
    direction(const surroundings& around, const direction_rules& how, aio::tcp_socket& source,
              aio::tcp_socket& sink, std::uint64_t& counter);
    lane line;
    aio::tcp_socket& from;
    aio::tcp_socket& into;
    std::uint64_t& passed;
    std::shared_ptr<aio::bell> reader;  // there is room, or something has changed
    std::shared_ptr<aio::bell> writer;  // there are bytes, or something has changed
  };

  static aio::awaitable<> read(std::shared_ptr<connection> self, direction* of);
  static aio::awaitable<> write(std::shared_ptr<connection> self, direction* of);
  static aio::awaitable<> close_later(std::shared_ptr<connection> self);
  /// False: nothing more comes.
  bool take(direction& of);
  void close();
  void wake_all();

  const surroundings around_;
  aio::tcp_socket client_;
  aio::tcp_socket server_;
  rules rules_;
  direction up_;
  direction down_;
  bool is_cut_ = false;     // nothing is passed any more; what still comes is thrown away
  bool is_closed_ = false;  // the sockets are
};

}  // namespace throughline::chaos
