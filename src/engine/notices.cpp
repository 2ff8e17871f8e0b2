#include "engine/notices.hpp"

#include <list>
#include <shared_mutex>

namespace throughline::engine {
namespace {

using bell_list = std::list<std::shared_ptr<aio::bell>>;

void ring_all(const bell_list& bells) {
  for (const auto& bell : bells) bell->ring();
}

}  // namespace

struct notices::state {
  std::mutex mutex;
  std::unordered_map<store::owner_id, bell_list> owners;
  std::unordered_map<task_id, bell_list> ends;
  bell_list queue;
  std::shared_mutex listener_mutex;  // held shared while the listener is called
  std::function<void(task_id)> listener;
};

namespace {

/// Takes one bell out of a list again, and the list out of its map when it was the last.
template <class State>
class registration final : public notices::watch {
 public:
  registration(std::shared_ptr<State> state, std::function<void(State&)> remove)
      : state_(std::move(state)), remove_(std::move(remove)) {}
  ~registration() override {
    const std::lock_guard lock(state_->mutex);
    remove_(*state_);
  }
  registration(const registration&) = delete;
  registration& operator=(const registration&) = delete;

 private:
  std::shared_ptr<State> state_;
  std::function<void(State&)> remove_;
};

template <class State, class Key>
std::unique_ptr<notices::watch> watch_in(const std::shared_ptr<State>& state,
                                         std::unordered_map<Key, bell_list> State::* map, Key key,
                                         std::shared_ptr<aio::bell> bell) {
  const std::lock_guard lock(state->mutex);
  auto& bells = (*state.*map)[key];
  const auto at = bells.insert(bells.end(), std::move(bell));
  return std::make_unique<registration<State>>(state, [map, key, at](State& in) {
    const auto found = (in.*map).find(key);
    found->second.erase(at);
    if (found->second.empty()) (in.*map).erase(found);
  });
}

}  // namespace

notices::notices() : state_(std::make_shared<state>()) {}
notices::~notices() = default;

std::unique_ptr<notices::watch> notices::watch_owner(const store::owner_id& owner,
                                                     std::shared_ptr<aio::bell> bell) {
  return watch_in(state_, &state::owners, owner, std::move(bell));
}

std::unique_ptr<notices::watch> notices::watch_end(task_id task, std::shared_ptr<aio::bell> bell) {
  return watch_in(state_, &state::ends, task, std::move(bell));
}

std::unique_ptr<notices::watch> notices::watch_queue(std::shared_ptr<aio::bell> bell) {
  const std::lock_guard lock(state_->mutex);
  const auto at = state_->queue.insert(state_->queue.end(), std::move(bell));
  return std::make_unique<registration<state>>(state_, [at](state& in) { in.queue.erase(at); });
}

void notices::on_cancel(std::function<void(task_id)> listener) {
  const std::unique_lock lock(state_->listener_mutex);
  state_->listener = std::move(listener);
}

void notices::ring_everything() {
  const std::lock_guard lock(state_->mutex);
  ring_all(state_->queue);
  for (const auto& [owner, bells] : state_->owners) ring_all(bells);
  for (const auto& [task, bells] : state_->ends) ring_all(bells);
}

void notices::owner_changed(const store::owner_id& owner) {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->owners.find(owner); found != state_->owners.end()) {
    ring_all(found->second);
  }
}

void notices::queue_changed() {
  const std::lock_guard lock(state_->mutex);
  ring_all(state_->queue);
}

void notices::cancel_requested(task_id task) {
  const std::shared_lock lock(state_->listener_mutex);
  if (state_->listener) state_->listener(task);
}

void notices::task_ended(task_id task) {
  const std::lock_guard lock(state_->mutex);
  if (const auto found = state_->ends.find(task); found != state_->ends.end()) {
    ring_all(found->second);
  }
}

}  // namespace throughline::engine
