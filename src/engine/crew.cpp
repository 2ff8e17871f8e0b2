#include "engine/crew.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/log.hpp"

namespace throughline::engine {

crew::crew(aio::event_loop& loop, const generation_services& services, options how,
           std::function<void(const std::string&)> on_over)
    : loop_(loop), services_(services), options_(how), on_over_(std::move(on_over)), group_(loop) {}

void crew::start(store::claimed_task task) {
  auto work = std::make_shared<generation>(loop_, services_, std::move(task));
  running_[work->held().task] = work;
  group_.spawn("generation", run(std::move(work)));
}

aio::awaitable<> crew::run(std::shared_ptr<generation> work) {
  // Also when the coroutine is cancelled: an entry never outlives its generation.
  struct departure {
    crew& from;
    std::shared_ptr<generation> work;
    ~departure() {
      if (from.services_.running != nullptr) from.services_.running->remove(work->held());
      const auto found = from.running_.find(work->held().task);
      // The task may already be back with a newer attempt.
      if (found != from.running_.end() && found->second == work) from.running_.erase(found);
      from.on_over_(work->provider());
    }
  };
  const departure leaves{*this, work};
  co_await work->run();
}

void crew::request_stop(task_id task, std::optional<std::uint32_t> attempt,
                        generation::stop_cause why) {
  const auto found = running_.find(task);
  if (found == running_.end()) return;
  if (!attempt || *attempt == found->second->held().attempt) found->second->request_stop(why);
}

void crew::request_stop_of_all(generation::stop_cause why) {
  for (const auto& [task, work] : running_) work->request_stop(why);
}

std::vector<store::task_holder> crew::held() const {
  std::vector<store::task_holder> all;
  all.reserve(running_.size());
  for (const auto& [task, work] : running_) all.push_back(work->held());
  return all;
}

void crew::start_saving() {
  group_.spawn("partial text", keep_saving());
}

aio::awaitable<> crew::keep_saving() {
  while (true) {
    co_await aio::sleep_for(options_.save_partials);
    co_await save_once();
  }
}

// In slices that nobody who posts has to wait long for, a statement each. They are in the order of
// tasks, in which the pieces lie in the database: each slice writes its own pages. What could not
// be saved is tried again in the next round, which begins behind it: whatever is refused again and
// again, by a database that is overloaded or for a reason of its own, holds up nobody else's text.
aio::awaitable<> crew::save_once() {
  std::vector<member> all(running_.begin(), running_.end());
  std::ranges::sort(all, {}, &member::first);
  const auto behind = std::ranges::upper_bound(all, refused_, {}, &member::first);
  std::ranges::rotate(all, behind);
  refused_ = task_id();
  for (std::size_t next = 0; next < all.size();) {
    slice now = take_slice(all, next);
    if (now.grown.empty()) co_return;
    const auto saved = co_await services_.queue.save_partials(std::move(now.grown));
    if (!saved) {
      log::warning("partial text could not be saved; it is tried again in a second",
                   {{"why", saved.error().detail}});
      refused_ = all[next - 1].first;
      co_return;
    }
    const std::unordered_set<task_id> known(saved->begin(), saved->end());
    for (const auto& done : now.pieces) {
      const auto work = done.of.lock();
      if (work && known.contains(work->held().task)) work->mark_saved(done.to_index);
    }
  }
}

// From all[next] on, which moves to where the slice ends; empty: nothing has grown any more. It
// keeps nothing alive: a generation that has ended meanwhile is skipped.
crew::slice crew::take_slice(const std::vector<member>& all, std::size_t& next) const {
  slice out;
  std::size_t bytes = 0;
  while (next < all.size() && bytes < options_.partial_bytes_max &&
         out.grown.size() < options_.partial_pieces_max) {
    const auto& of = all[next++].second;
    const auto work = of.lock();
    auto growth = work ? work->unsaved() : std::nullopt;
    if (!growth) continue;
    bytes += growth->content.size() + growth->reasoning.size();
    out.pieces.push_back({of, work->size()});
    out.grown.push_back(std::move(*growth));
  }
  return out;
}

aio::awaitable<> crew::stop() {
  co_await group_.stop();
}

}  // namespace throughline::engine
