#include "app/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

#include "app/configuration_fixture.hpp"

namespace throughline::app {
namespace {

/// The socket of a service manager, under a path or, with @ in front, under a name of the kernel's.
class listening_manager {
 public:
  explicit listening_manager(const std::string& name)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~listening_manager() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(socket_);
  }
  listening_manager(const listening_manager&) = delete;
  listening_manager& operator=(const listening_manager&) = delete;

  /// What it was told; empty if nothing.
  std::string heard() const {
    std::array<char, 256> text{};
    const auto length = ::recv(socket_, text.data(), text.size(), MSG_DONTWAIT);
    return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : "";
  }

 private:
  int socket_;
};

class service_manager_test : public configuration_fixture {};

TEST_F(service_manager_test, is_told_by_a_file) {
  const listening_manager manager((home / "notify").string());
  EXPECT_TRUE(tell_service_manager("READY=1"));
  EXPECT_EQ(manager.heard(), "READY=1");
}

TEST_F(service_manager_test, is_told_by_a_name_of_the_kernel) {
  const listening_manager manager("@throughline-test-" + std::to_string(::getpid()));
  EXPECT_TRUE(tell_service_manager("STOPPING=1"));
  EXPECT_EQ(manager.heard(), "STOPPING=1");
}

TEST_F(service_manager_test, does_not_matter_when_it_is_not_there) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_FALSE(tell_service_manager("READY=1"));
  for (const auto* name : {"", "relative", "vsock:2:1234"}) {
    ::setenv("NOTIFY_SOCKET", name, 1);
    EXPECT_FALSE(tell_service_manager("READY=1"));
  }
  ::setenv("NOTIFY_SOCKET", (home / "nobody").c_str(), 1);
  EXPECT_FALSE(tell_service_manager("READY=1"));
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  EXPECT_FALSE(tell_service_manager("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace throughline::app
