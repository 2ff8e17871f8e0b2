// Descriptors that somebody else owns and that an event loop watches: they stay registered from one
// event to the next (level-triggered), so that watching costs a system call when it changes and not
// at every event, and one turn of the loop brings all that are ready. Used by the HTTP clients:
// libcurl brings its own sockets, and the other one saves what Asio's cost.
#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "aio/asio.hpp"
#include "aio/event_loop.hpp"

namespace throughline::aio {

/// On its loop only.
class descriptor_set {
 public:
  struct readiness {
    bool reads = false;  // also: the other end has closed, or there is an error
    bool writes = false;
  };
  /// Called for each descriptor that is ready, again and again until it is not. May watch, forget
  /// and destroy the set.
  using callback = std::function<void(int descriptor, readiness ready)>;

  /// Throws system_error when there are no descriptors left.
  descriptor_set(event_loop& loop, callback on_ready);
  ~descriptor_set();
  descriptor_set(const descriptor_set&) = delete;
  descriptor_set& operator=(const descriptor_set&) = delete;

  /// What `descriptor` is watched for from now on; replaces what it was before. An error: it is not
  /// watched any more; the kernel has no memory for it, or watches as much as it may for this user.
  [[nodiscard]] error_code watch(int descriptor, readiness wanted);
  /// Nothing happens if it is not watched. Before it is closed. No call for it follows, also if it
  /// was ready already.
  void forget(int descriptor);

 private:
  struct state;
  static void wait(const std::shared_ptr<state>& self);
  static void collect(const std::shared_ptr<state>& self);

  std::shared_ptr<state> state_;
};

}  // namespace throughline::aio
