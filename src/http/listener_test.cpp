#include "http/listener.hpp"

#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <string>

#include "aio/loop_fixture.hpp"

namespace throughline::http {
namespace {

class listener_test : public aio::loop_test {
 public:
  listener_test() : acceptor_(loop_.get_executor(), {loopback, 0}), client_(loop_.get_executor()) {
    client_.open(aio::tcp::v4());
    client_.set_option(aio::tcp_socket::receive_buffer_size(4 * 1024));
    client_.connect(acceptor_.local_endpoint());
  }

  static inline const auto loopback = aio::asio::ip::address_v4::loopback();
  aio::tcp_acceptor acceptor_;
  aio::tcp_socket client_;
};

int option_of(aio::tcp_socket& socket, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(socket.native_handle(), IPPROTO_TCP, name, &value, &size), 0);
  return value;
}

TEST_F(listener_test, a_vanished_peer_ends_the_connection_after_the_write_timeout) {
  auto accepted = acceptor_.accept();
  tune(accepted, std::chrono::milliseconds(1500));
  EXPECT_EQ(option_of(accepted, TCP_USER_TIMEOUT), 1500);
  EXPECT_EQ(option_of(accepted, TCP_NODELAY), 1);
  tune(accepted, std::chrono::milliseconds(0));
  EXPECT_EQ(option_of(accepted, TCP_USER_TIMEOUT), 1);
}

TEST_F(listener_test, the_kernel_takes_little_of_what_nobody_reads) {
  auto accepted = acceptor_.accept();
  tune(accepted, std::chrono::seconds(30));
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
