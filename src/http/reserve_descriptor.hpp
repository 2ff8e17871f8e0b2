// One descriptor kept for the moment in which there is no other: given up, it lets a connection in
// that is told to come back later. Without it the connection would wait in the kernel's queue, and
// its client for nothing. Used by one loop's acceptor.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace throughline::http {

class reserve_descriptor {
 public:
  reserve_descriptor() = default;
  reserve_descriptor(const reserve_descriptor&) = delete;
  reserve_descriptor& operator=(const reserve_descriptor&) = delete;
  ~reserve_descriptor() { give_up(); }

  /// Takes it, unless it is held already. False: there is none to take.
  [[nodiscard]] bool hold() {
    if (descriptor_ < 0) descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return descriptor_ >= 0;
  }
  void give_up() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_ = -1;
};

}  // namespace throughline::http
