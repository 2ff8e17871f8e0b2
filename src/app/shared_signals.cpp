#include "app/shared_signals.hpp"

#include <array>
#include <map>
#include <string>

namespace throughline::app {
namespace {

constexpr std::string_view queue_channel = "throughline:queue";
constexpr std::string_view cancel_channel = "throughline:cancel";
constexpr std::string_view ended_channel = "throughline:ended";
constexpr std::string_view owner_channel = "throughline:owner";

}  // namespace

/// Shared with the publications that are under way.
struct shared_signals::publisher : std::enable_shared_from_this<publisher> {
  using hint = std::pair<std::string_view, std::string>;  // channel (a literal), what is said there

  explicit publisher(redis::client& over) : commands(over) {}

  redis::client& commands;
  const std::string sender = uuid::generate().to_string();
  std::mutex mutex;
  std::map<hint, bool> under_way;  // true: said again meanwhile

  void publish(std::string_view channel, std::string what) {
    hint next(channel, std::move(what));
    {
      const std::lock_guard lock(mutex);
      const auto found = under_way.find(next);
      if (found != under_way.end()) {
        found->second = true;
        return;
      }
      if (under_way.size() >= under_way_max) return;
      under_way.emplace(next, false);
    }
    send(std::move(next));
  }

  void send(hint next) {
    redis::command saying("PUBLISH");
    saying.add(next.first).add(sender + " " + next.second);
    // Unlocked: it may be answered at once.
    commands.submit(std::move(saying),
                    [self = shared_from_this(), next](const result<redis::value>& reply) {
                      self->on_published(next, reply.has_value());
                    });
  }

  void on_published(const hint& which, bool is_answered) {
    {
      const std::lock_guard lock(mutex);
      const auto found = under_way.find(which);
      // Redis away: everybody looks when it is back.
      if (!is_answered || !std::exchange(found->second, false)) {
        under_way.erase(found);
        return;
      }
    }
    send(which);
  }
};

/// Rings here what other processes say on one channel.
class shared_signals::listener final : public redis::subscriptions::subscriber {
 public:
  using ringing = std::function<void(engine::notices& bells, std::string_view what)>;

  listener(engine::notices& bells, std::string own_sender, ringing how)
      : bells_(bells), own_sender_(std::move(own_sender)), ring_(std::move(how)) {}

  void on_subscribed() override { bells_.ring_everything(); }
  void on_lost() override {}
  void on_message(std::string_view payload) override {
    const auto space = payload.find(' ');
    if (space == std::string_view::npos || payload.substr(0, space) == own_sender_) return;
    ring_(bells_, payload.substr(space + 1));
  }

 private:
  engine::notices& bells_;
  const std::string own_sender_;
  const ringing ring_;
};

shared_signals::shared_signals(engine::notices& local, redis::client& commands,
                               redis::subscriptions& events)
    : local_(local), publisher_(std::make_shared<publisher>(commands)) {
  const auto listen = [&](std::string_view channel, listener::ringing how) {
    held_.push_back(
        events.subscribe(std::string(channel),
                         std::make_shared<listener>(local, publisher_->sender, std::move(how))));
  };
  listen(queue_channel, [](engine::notices& bells, std::string_view) { bells.queue_changed(); });
  listen(cancel_channel, [](engine::notices& bells, std::string_view what) {
    if (const auto task = task_id::parse(what)) bells.cancel_requested(*task);
  });
  listen(ended_channel, [](engine::notices& bells, std::string_view what) {
    if (const auto task = task_id::parse(what)) bells.task_ended(*task);
  });
  listen(owner_channel, [](engine::notices& bells, std::string_view what) {
    bells.owner_changed(store::owner_id(what));
  });
}

shared_signals::~shared_signals() = default;

void shared_signals::owner_changed(const store::owner_id& owner) {
  local_.owner_changed(owner);
  publisher_->publish(owner_channel, owner);
}

void shared_signals::queue_changed() {
  local_.queue_changed();
  publisher_->publish(queue_channel, "");
}

void shared_signals::cancel_requested(task_id task) {
  local_.cancel_requested(task);
  publisher_->publish(cancel_channel, task.to_string());
}

void shared_signals::task_ended(task_id task) {
  local_.task_ended(task);
  publisher_->publish(ended_channel, task.to_string());
}

}  // namespace throughline::app
