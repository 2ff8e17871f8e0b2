#include "redis/subscriptions.hpp"

#include <utility>

#include "aio/task_group.hpp"
#include "base/metrics.hpp"

namespace throughline::redis {
namespace {

metrics::counter& errors = metrics::find_counter(metrics::redis_subscription_errors);

command subscribe_to(std::string_view channel) {
  command out("SUBSCRIBE");
  out.add(channel);
  return out;
}

}  // namespace

struct subscriptions::entry {
  std::string channel;
  std::shared_ptr<subscriber> told;
  bool is_removed = false;  // or replaced
  bool knows_of_loss = false;
};

class subscriptions::handle final : public subscription {
 public:
  handle(subscriptions& home, std::shared_ptr<entry> which)
      : home_(home), which_(std::move(which)) {}
  ~handle() override {
    home_.loop_.post([&home = home_, which = which_] { home.remove(which); });
  }
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;

 private:
  subscriptions& home_;
  std::shared_ptr<entry> which_;
};

subscriptions::subscriptions(aio::event_loop& loop, server to, std::shared_ptr<presence> here,
                             subscriptions_options options)
    : loop_(loop),
      options_(options),
      link_(loop, "subscriptions", std::move(to), std::move(here), options.link, *this),
      group_(loop) {
  loop_.post([this] {
    link_.start();
    group_.spawn("redis ping", keep_pinging());
  });
}

subscriptions::~subscriptions() = default;

aio::awaitable<> subscriptions::stop() {
  co_await aio::run_on(loop_, stop_here());
}

aio::awaitable<> subscriptions::stop_here() {
  co_await link_.stop();
  co_await group_.stop();
}

std::unique_ptr<subscriptions::subscription> subscriptions::subscribe(
    std::string channel, std::shared_ptr<subscriber> told) {
  auto wanted = std::make_shared<entry>(std::move(channel), std::move(told));
  loop_.post([this, wanted] { add(wanted); });
  return std::make_unique<handle>(*this, std::move(wanted));
}

void subscriptions::add(std::shared_ptr<entry> wanted) {
  if (wanted->is_removed) return;
  auto found = channels_.find(wanted->channel);
  if (found == channels_.end()) {
    if (channels_.size() >= options_.channels_max) {
      errors.add();
      return tell_lost(*wanted);
    }
    found = channels_.emplace(wanted->channel, nullptr).first;
  }
  if (found->second) found->second->is_removed = true;
  found->second = wanted;
  if (link_.now() == link::state::up) {
    link_.send(subscribe_to(wanted->channel));
    asked_.push_back(std::move(wanted));
  } else if (link_.now() == link::state::away) {
    tell_lost(*wanted);
  }
}

void subscriptions::tell_lost(entry& which) {
  if (which.is_removed || std::exchange(which.knows_of_loss, true)) return;
  which.told->on_lost();
}

void subscriptions::remove(const std::shared_ptr<entry>& unwanted) {
  if (std::exchange(unwanted->is_removed, true)) return;
  const auto found = channels_.find(unwanted->channel);
  if (found == channels_.end() || found->second != unwanted) return;
  channels_.erase(found);
  if (link_.now() != link::state::up) return;
  command leaving("UNSUBSCRIBE");
  leaving.add(unwanted->channel);
  link_.send(leaving);
}

void subscriptions::on_up() {
  was_heard_ = true;
  for (const auto& [channel, wanted] : channels_) {
    link_.send(subscribe_to(channel));
    asked_.push_back(wanted);
  }
}

void subscriptions::on_lost(const error& /*why*/) {
  errors.add();
  asked_.clear();
  // Whoever is told may subscribe and leave, but only by way of the mailbox.
  for (const auto& [channel, wanted] : channels_) tell_lost(*wanted);
}

void subscriptions::on_away(const error& /*why*/) {
  for (const auto& [channel, wanted] : channels_) tell_lost(*wanted);
}

void subscriptions::on_value(value got) {
  was_heard_ = true;
  // Without RESP3 events are lists, and so is the answer to a ping.
  const bool is_event = got.is == value_kind::push || got.is == value_kind::list;
  if (is_event && got.items.size() == 3) return on_event(got);
  if (got.is != value_kind::error) return;
  // A SUBSCRIBE that is refused (an ACL without this channel) has no confirmation.
  errors.add();
  if (asked_.empty()) return;
  const auto refused = std::move(asked_.front());
  asked_.pop_front();
  tell_lost(*refused);
}

void subscriptions::on_event(value& event) {
  const auto& kind = event.items[0].text;
  if (kind == "message") {
    const auto found = channels_.find(event.items[1].text);
    if (found != channels_.end()) found->second->told->on_message(event.items[2].text);
  } else if (kind == "subscribe") {
    if (asked_.empty()) return;
    const auto confirmed = std::move(asked_.front());
    asked_.pop_front();
    if (confirmed->is_removed) return;
    confirmed->knows_of_loss = false;
    confirmed->told->on_subscribed();
  }
}

aio::awaitable<> subscriptions::keep_pinging() {
  const command ping("PING");
  while (true) {
    co_await aio::sleep_for(options_.ping_every);
    if (link_.now() != link::state::up) continue;
    if (!was_heard_) {
      link_.drop(fail(errc::unavailable, "the subscriptions of Redis are silent"), true);
      continue;
    }
    was_heard_ = false;
    link_.send(ping);
  }
}

}  // namespace throughline::redis
