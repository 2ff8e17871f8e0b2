#include "sql/postgres_link.hpp"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <string>
#include <vector>

#include "sql/postgres_errors.hpp"

namespace throughline::sql {
namespace {

namespace asio = aio::asio;
using resolver = asio::ip::basic_resolver<aio::tcp, aio::executor>;

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> out;
  while (true) {
    const auto comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

bool needs_no_lookup(const std::string& host) {
  aio::error_code not_numeric;
  asio::ip::make_address(host, not_numeric);
  return host.starts_with('/') || host.starts_with('@') || !not_numeric;
}

/// One entry of libpq's parallel lists.
struct entry {
  std::string host;
  std::string address;  // empty: the host says it itself
  std::string port;
};

std::string joined(const std::vector<entry>& all, std::string entry::* part) {
  std::string out;
  for (const auto& one : all) {
    if (&one != &all.front()) out += ',';
    out += one.*part;
  }
  return out;
}

aio::awaitable<std::vector<entry>> look_up(entry named, aio::executor on) {
  resolver names(on);
  const std::string service = "0";
  auto [ec, found] = co_await names.async_resolve(named.host, service, aio::as_tuple);
  std::vector<entry> out;
  if (ec) co_return out;
  for (const auto& one : found) {
    out.push_back({named.host, one.endpoint().address().to_string(), named.port});
  }
  co_return out;
}

/// libpq would block while it looks names up, so it gets addresses.
aio::awaitable<postgres_address> with_addresses(postgres_address to, aio::executor on) {
  if (!to.setting("hostaddr").empty()) co_return to;
  const auto hosts = split_at_commas(to.host);
  const auto ports = split_at_commas(to.port);
  std::vector<entry> all;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const entry named{hosts[i], "", ports.size() == hosts.size() ? ports[i] : ports.front()};
    if (named.host.empty() || needs_no_lookup(named.host)) {
      all.push_back(named);
      continue;
    }
    const auto found = co_await look_up(named, on);
    all.insert(all.end(), found.begin(), found.end());
  }
  if (all.empty()) {
    throw connect_failure(fmt::format("the name {} is not known", to.host), false, to);
  }
  to.set("host", joined(all, &entry::host));
  to.set("hostaddr", joined(all, &entry::address));
  to.set("port", joined(all, &entry::port));
  co_return to;
}

}  // namespace

postgres_link::postgres_link(aio::executor on) : on_(on), timing_(std::make_shared<timing>(on)) {}

postgres_link::~postgres_link() {
  timing_->deadline = steady_time::max();
  timing_->alarm.cancel();
  let_go_of_socket();
}

void postgres_link::let_go_of_socket() noexcept {
  if (timing_->socket.is_open()) timing_->socket.release();
}

void postgres_link::take_socket() {
  if (const int socket = PQsocket(raw()); socket >= 0) timing_->socket.assign(socket);
}

void postgres_link::set_deadline(steady_time when) {
  timing_->deadline = when;
  if (timing_->armed_until <= when) return;
  arm(timing_);
}

void postgres_link::arm(const std::shared_ptr<timing>& self) {
  self->armed_until = self->deadline;
  self->alarm.expires_at(self->deadline);
  self->alarm.async_wait([self](const aio::error_code& ec) {
    if (ec) return;  // it was set anew, or the link has gone
    self->armed_until = steady_time::max();
    if (self->deadline == steady_time::max()) return;
    if (std::chrono::steady_clock::now() < self->deadline) return arm(self);
    self->is_over = true;
    self->socket.cancel();
  });
}

aio::awaitable<> postgres_link::wait(asio::posix::descriptor_base::wait_type what) {
  // The wait does not begin at all once the deadline has passed.
  const auto alive = timing_;
  if (!alive->is_over) {
    const auto [ec] = co_await alive->socket.async_wait(what, aio::as_tuple);
    if (!ec) co_return;
    if (!alive->is_over) throw boost::system::system_error(ec);
  }
  throw connection_lost("the database server did not answer in time");
}

aio::awaitable<> postgres_link::readable() {
  return wait(asio::posix::descriptor_base::wait_read);
}

aio::awaitable<> postgres_link::writable() {
  return wait(asio::posix::descriptor_base::wait_write);
}

void postgres_link::start(const postgres_address& to) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : to.settings) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectStartParams(names.data(), values.data(), 0));
  if (!connection_) throw std::bad_alloc();
  // Its messages then hold the SQLSTATE, in whatever language they are.
  PQsetErrorVerbosity(raw(), PQERRORS_VERBOSE);
  PQsetNoticeProcessor(raw(), [](void*, const char*) {}, nullptr);
}

aio::awaitable<> postgres_link::connect(postgres_address to, steady_time deadline) {
  const auto addressed = co_await with_addresses(to, on_);
  set_deadline(deadline);
  start(addressed);
  auto next = PQstatus(raw()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
    take_socket();
    try {
      if (next == PGRES_POLLING_WRITING) {
        co_await writable();
      } else {
        co_await readable();
      }
    } catch (const postgres_failed&) {
      throw connect_failure("it did not answer in time", false, to);
    }
    // libpq may close the socket in there and open another one, of the same number too.
    let_go_of_socket();
    next = PQconnectPoll(raw());
  }
  if (next == PGRES_POLLING_FAILED) {
    throw connect_failure(PQerrorMessage(raw()), PQconnectionNeedsPassword(raw()) != 0, to);
  }
  take_socket();
  PQsetErrorVerbosity(raw(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(raw(), 1) != 0 || PQenterPipelineMode(raw()) != 1) {
    throw connection_lost("libpq refuses to send without blocking");
  }
}

}  // namespace throughline::sql
