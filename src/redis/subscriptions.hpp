// One connection that holds all subscriptions of a process. It is pinged every second; silence
// means that it is lost, and a new one subscribes to everything again.
//
// Publishing loses what is published while nobody listens, and nobody is told what that was. So a
// subscriber that is told `on_subscribed`, the first time and after each reconnect, reads what it
// follows from where it is: whatever is published after that call reaches it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "redis/link.hpp"

namespace throughline::redis {

struct subscriptions_options {
  link_options link{};
  milliseconds ping_every{1000};
  std::size_t channels_max = 200'000;
};

class subscriptions final : private link::owner {
 public:
  /// Called on the loop of the connection, and not after its subscription has ended there. What
  /// belongs to another loop is for the subscriber to bring there (a bell does).
  class subscriber {
   public:
    virtual ~subscriber() = default;
    /// The server has confirmed it: read now.
    virtual void on_subscribed() = 0;
    virtual void on_message(std::string_view payload) = 0;
    /// Messages are being missed, and it may take a while; on_subscribed() will follow. Also said
    /// when there are too many subscriptions or the server refuses this one: then it does not.
    virtual void on_lost() = 0;
  };
  /// Ends the subscription when it dies, on any thread; a call may still be under way.
  class subscription {
   public:
    virtual ~subscription() = default;
  };

  /// `loop` outlives it. Connects at once, in the background.
  subscriptions(aio::event_loop& loop, server to, std::shared_ptr<presence> here,
                subscriptions_options options = {});
  /// REQUIRES that stop() has returned and that every subscription has died.
  ~subscriptions();
  subscriptions(const subscriptions&) = delete;
  subscriptions& operator=(const subscriptions&) = delete;

  /// Any loop.
  [[nodiscard]] aio::awaitable<> stop();
  [[nodiscard]] aio::event_loop& loop() noexcept { return loop_; }

  /// Any thread. One subscription per channel at a time: a second one takes the place of the first.
  [[nodiscard]] std::unique_ptr<subscription> subscribe(std::string channel,
                                                        std::shared_ptr<subscriber> told);

 private:
  struct entry;
  class handle;

  void on_up() override;
  void on_value(value got) override;
  void on_lost(const error& why) override;
  void on_away(const error& why) override;

  void add(std::shared_ptr<entry> wanted);
  void remove(const std::shared_ptr<entry>& unwanted);
  static void tell_lost(entry& which);
  void on_event(value& event);
  aio::awaitable<> keep_pinging();
  aio::awaitable<> stop_here();

  aio::event_loop& loop_;
  const subscriptions_options options_;
  std::unordered_map<std::string, std::shared_ptr<entry>> channels_;
  // SUBSCRIBEs that have not been confirmed. Confirmations come in their order.
  std::deque<std::shared_ptr<entry>> asked_;
  bool was_heard_ = false;  // since the last ping
  link link_;
  aio::task_group group_;  // the last member
};

}  // namespace throughline::redis
