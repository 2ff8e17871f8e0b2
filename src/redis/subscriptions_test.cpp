#include "redis/subscriptions.hpp"

#include <mutex>

#include "redis/test_fixture.hpp"

namespace throughline::redis {
namespace {

/// Remembers what it is told.
class listener final : public subscriptions::subscriber {
 public:
  void on_subscribed() override {
    const std::lock_guard lock(mutex_);
    ++subscribed_;
  }
  void on_message(std::string_view payload) override {
    const std::lock_guard lock(mutex_);
    heard_.emplace_back(payload);
  }
  void on_lost() override {
    const std::lock_guard lock(mutex_);
    ++lost_;
  }

  int subscribed() const {
    const std::lock_guard lock(mutex_);
    return subscribed_;
  }
  int lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
  }
  std::vector<std::string> heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  mutable std::mutex mutex_;
  int subscribed_ = 0;
  int lost_ = 0;
  std::vector<std::string> heard_;
};

class redis_subscriptions : public redis_client {
 protected:
  explicit redis_subscriptions(std::vector<std::string> more = {}) : server_(std::move(more)) {
    start(server_);
    begin({});
  }
  ~redis_subscriptions() override { end(); }

  void begin(subscriptions_options options) {
    end();
    all = std::make_unique<subscriptions>(loops[1], redis->where(), redis->here(), options);
  }
  void end() {
    if (all) await_on(loops[0], all->stop());
    all.reset();
  }
  std::int64_t publish(const std::string& channel, const std::string& payload) {
    return server_.ask({"PUBLISH", channel, payload}).integer;
  }
  std::int64_t receivers(const std::string& channel) {
    return server_.ask({"PUBSUB", "NUMSUB", channel}).items[1].integer;
  }

  server_process server_;
  std::unique_ptr<subscriptions> all;
};

class redis_subscriptions_resp2 : public redis_subscriptions {
 protected:
  redis_subscriptions_resp2() : redis_subscriptions({"--rename-command", "HELLO", ""}) {}
};

TEST_F(redis_subscriptions, says_when_it_is_confirmed_and_misses_nothing_after_that) {
  const auto told = std::make_shared<listener>();
  const auto held = all->subscribe("c", told);
  EXPECT_TRUE(comes_true([&] { return told->subscribed() == 1; }));
  std::vector<std::string> said;
  for (int i = 0; i < 300; ++i) {
    said.push_back("m\n" + std::to_string(i));
    EXPECT_EQ(publish("c", said.back()), 1);
  }
  publish("other", "x");
  EXPECT_TRUE(comes_true([&] { return told->heard().size() == said.size(); }));
  EXPECT_EQ(told->heard(), said);
}

TEST_F(redis_subscriptions_resp2, works_without_resp3_as_well) {
  begin({.ping_every = 20ms});
  const auto told = std::make_shared<listener>();
  const auto held = all->subscribe("c", told);
  EXPECT_TRUE(comes_true([&] { return told->subscribed() == 1; }));
  EXPECT_EQ(publish("c", "m"), 1);
  EXPECT_TRUE(comes_true([&] { return told->heard() == std::vector<std::string>{"m"}; }));
}

TEST_F(redis_subscriptions, hears_no_more_once_it_has_left) {
  const auto told = std::make_shared<listener>();
  auto held = all->subscribe("c", told);
  EXPECT_TRUE(comes_true([&] { return told->subscribed() == 1; }));
  held.reset();
  EXPECT_TRUE(comes_true([&] { return receivers("c") == 0; }));
}

TEST_F(redis_subscriptions, the_confirmation_of_one_that_has_left_is_not_that_of_the_next) {
  for (int i = 0; i < 200; ++i) {
    const auto first = std::make_shared<listener>();
    const auto second = std::make_shared<listener>();
    auto held = all->subscribe("c", first);
    held.reset();
    held = all->subscribe("c", second);
    ASSERT_TRUE(comes_true([&] { return second->subscribed() == 1; }));
    ASSERT_EQ(publish("c", "m"), 1) << i;
    ASSERT_TRUE(comes_true([&] { return second->heard().size() == 1; }));
  }
}

TEST_F(redis_subscriptions, a_cut_connection_is_made_again_and_all_are_told_to_read) {
  constexpr int channels = 1000;
  std::vector<std::shared_ptr<listener>> told;
  std::vector<std::unique_ptr<subscriptions::subscription>> held;
  for (int i = 0; i < channels; ++i) {
    told.push_back(std::make_shared<listener>());
    held.push_back(all->subscribe("c" + std::to_string(i), told.back()));
  }
  const auto all_are_told = [&](int times) {
    return std::ranges::all_of(told, [&](const auto& each) { return each->subscribed() == times; });
  };
  EXPECT_TRUE(comes_true([&] { return all_are_told(1); }));
  for (int times = 2; times <= 4; ++times) {
    EXPECT_EQ(server_.ask({"CLIENT", "KILL", "TYPE", "pubsub"}).integer, 1);
    EXPECT_TRUE(comes_true([&] { return all_are_told(times); }));
    EXPECT_EQ(told[7]->lost(), times - 1);
    EXPECT_EQ(publish("c7", "m"), 1);
  }
  EXPECT_TRUE(comes_true([&] { return told[7]->heard().size() == 3; }));
}

TEST_F(redis_subscriptions, silence_is_a_loss) {
  begin({.link = {.connect_timeout = 100ms}, .ping_every = 50ms});
  const auto told = std::make_shared<listener>();
  const auto held = all->subscribe("c", told);
  EXPECT_TRUE(comes_true([&] { return told->subscribed() == 1; }));
  server_.hang();
  EXPECT_TRUE(comes_true([&] { return told->lost() == 1; }));
  server_.go_on();
  EXPECT_TRUE(comes_true([&] { return told->subscribed() == 2; }));
  EXPECT_TRUE(comes_true([&] { return publish("c", "m") == 1; }));
}

TEST_F(redis_subscriptions, one_that_is_refused_is_told) {
  server_.tell({"ACL", "SETUSER", "default", "resetchannels", "&allowed"});
  const auto refused = std::make_shared<listener>();
  const auto allowed = std::make_shared<listener>();
  const auto first = all->subscribe("forbidden", refused);
  const auto second = all->subscribe("allowed", allowed);
  EXPECT_TRUE(comes_true([&] { return allowed->subscribed() == 1; }));
  EXPECT_EQ(refused->subscribed(), 0);
  EXPECT_GE(refused->lost(), 1);
}

TEST_F(redis_subscriptions, are_bounded) {
  begin({.channels_max = 1});
  const auto first = std::make_shared<listener>();
  const auto second = std::make_shared<listener>();
  const auto one = all->subscribe("a", first);
  EXPECT_TRUE(comes_true([&] { return first->subscribed() == 1; }));
  const auto two = all->subscribe("b", second);
  EXPECT_TRUE(comes_true([&] { return second->lost() == 1; }));
}

}  // namespace
}  // namespace throughline::redis
