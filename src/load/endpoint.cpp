#include "load/endpoint.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

#include "load/response_reader.hpp"

namespace throughline::load {
namespace {

constexpr std::uint16_t http_port = 80;

/// Closes a socket.
class open_socket {
 public:
  explicit open_socket(int descriptor) : descriptor_(descriptor) {}
  ~open_socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  open_socket(const open_socket&) = delete;
  open_socket& operator=(const open_socket&) = delete;
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

error unavailable(const endpoint& from, std::string_view what) {
  return fail(errc::unavailable, fmt::format("http://{} {}", from.authority, what));
}

}  // namespace

result<endpoint> resolve(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) {
    return fail(errc::invalid_request, fmt::format("{} does not begin with http://", url));
  }
  const auto authority = url.substr(scheme.size(), url.substr(scheme.size()).find('/'));
  auto host = authority;
  endpoint found;
  found.authority = authority;
  found.port = http_port;
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    host = authority.substr(0, colon);
    const auto digits = authority.substr(colon + 1);
    const auto* const end = digits.data() + digits.size();
    const auto [stopped, failure] = std::from_chars(digits.data(), end, found.port);
    if (failure != std::errc{} || stopped != end) {
      return fail(errc::invalid_request, fmt::format("{} has no valid port", url));
    }
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed =
      ::getaddrinfo(std::string(host).c_str(), std::to_string(found.port).c_str(), &wanted, &list);
  if (failed != 0 || list == nullptr) {
    return fail(errc::invalid_request,
                fmt::format("{} has no address: {}", host, ::gai_strerror(failed)));
  }
  std::memcpy(&found.address, list->ai_addr, list->ai_addrlen);
  found.address_bytes = list->ai_addrlen;
  ::freeaddrinfo(list);
  return found;
}

result<std::string> get_body(const endpoint& from, std::string_view target,
                             std::chrono::seconds patience) {
  const open_socket socket(::socket(from.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return unavailable(from, "cannot be asked: no descriptor is left");
  const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): that is how the kernel takes it
  const auto* const address = reinterpret_cast<const sockaddr*>(&from.address);
  if (::connect(socket.get(), address, from.address_bytes) != 0) {
    return unavailable(from, "cannot be reached");
  }
  const auto request = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                                   target, from.authority);
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return unavailable(from, "takes no request");
  }
  response_reader reader;
  std::string body;
  std::array<char, 65536> piece{};
  while (true) {
    const auto size = ::recv(socket.get(), piece.data(), piece.size(), 0);
    if (size < 0) return unavailable(from, "does not answer in time");
    std::string_view bytes(piece.data(), static_cast<std::size_t>(size));
    while (true) {
      const auto step = reader.next(bytes);
      if (step == response_reader::step::body) body += reader.body();
      if (step == response_reader::step::malformed) return unavailable(from, "speaks no HTTP");
      if (step == response_reader::step::end) {
        if (reader.status() == 200) return body;
        return unavailable(from, fmt::format("answers {} to {}", reader.status(), target));
      }
      if (step == response_reader::step::needs_more) break;
    }
    if (size == 0) return unavailable(from, "ends the connection too early");
  }
}

}  // namespace throughline::load
