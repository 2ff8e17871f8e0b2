#include "app/port_owner.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace throughline::app {
namespace {

constexpr std::string_view table =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "4711 1 0000 100\n"
    "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 42 "
    "1 0000 100\n"
    "   2: 0100007F:1F90 0100007F:CAFE 01 00000000:00000000 00:00000000 00000000  1000        0 "
    "4712 1 0000 20\n"
    "   3: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 "
    "00:00000000 00000000  1000        0 4713 1 0000 100\n"
    "   4: 0100007F:1F90 short\n";

TEST(port_owner, only_listening_sockets_of_the_port_count) {
  EXPECT_EQ(listening_inodes(table, 8080), (std::set<std::uint64_t>{4711, 4713}));
  EXPECT_EQ(listening_inodes(table, 22), (std::set<std::uint64_t>{42}));
  EXPECT_TRUE(listening_inodes(table, 81).empty());
  EXPECT_TRUE(listening_inodes("", 80).empty());
}

TEST(port_owner, links_of_descriptors) {
  EXPECT_EQ(socket_inode("socket:[4711]"), 4711U);
  EXPECT_EQ(socket_inode("pipe:[4711]"), std::nullopt);
  EXPECT_EQ(socket_inode("socket:[]"), std::nullopt);
  EXPECT_EQ(socket_inode("socket:[1"), std::nullopt);
}

TEST(port_owner, this_process_is_found) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&where), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size), 0);
  const auto owner = find_port_owner(ntohs(where.sin_port));
  ASSERT_TRUE(owner.has_value());
  EXPECT_EQ(owner->rfind("process " + std::to_string(getpid()) + " (", 0), 0U) << *owner;
  close(listener);
}

}  // namespace
}  // namespace throughline::app
