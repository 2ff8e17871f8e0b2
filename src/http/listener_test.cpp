#include "http/listener.hpp"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <string>

#include "aio/event_loop.hpp"

namespace throughline::http {
namespace {

int option_of(aio::tcp_socket& socket, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(socket.native_handle(), IPPROTO_TCP, name, &value, &size), 0);
  return value;
}

class listener_test : public ::testing::Test {
 protected:
  /// A connection as the server sees it; the client reads nothing.
  aio::tcp_socket accept_with(std::chrono::milliseconds write_timeout) {
    auto listening = listen_on(loops_, "127.0.0.1", 0, write_timeout);
    EXPECT_TRUE(listening);
    client_.open(aio::tcp::v4());
    client_.set_option(aio::tcp_socket::receive_buffer_size(4 * 1024));
    client_.connect(listening->at(0).local_endpoint());
    return listening->at(0).accept();
  }

  aio::event_loops loops_{1, "test"};
  aio::tcp_socket client_{loops_[0].get_executor()};
};

TEST_F(listener_test, a_vanished_peer_ends_the_connection_after_the_write_timeout) {
  auto accepted = accept_with(std::chrono::milliseconds(1500));
  EXPECT_EQ(option_of(accepted, TCP_USER_TIMEOUT), 1500);
  EXPECT_EQ(option_of(accepted, TCP_NODELAY), 1);
}

TEST_F(listener_test, without_a_write_timeout_it_ends_at_once) {
  auto accepted = accept_with(std::chrono::milliseconds(0));
  EXPECT_EQ(option_of(accepted, TCP_USER_TIMEOUT), 1);
}

TEST_F(listener_test, the_kernel_takes_little_of_what_nobody_reads) {
  auto accepted = accept_with(std::chrono::seconds(30));
  accepted.non_blocking(true);
  const std::string piece(16 * 1024, 'x');
  aio::error_code failure;
  std::size_t taken = 0;
  while (!failure && taken < 8 * 1024 * 1024) {
    taken += accepted.write_some(aio::asio::buffer(piece), failure);
  }
  EXPECT_EQ(failure, aio::asio::error::would_block);
  EXPECT_LT(taken, 512U * 1024);
}

}  // namespace
}  // namespace throughline::http
