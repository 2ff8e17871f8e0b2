// The generations of one worker on one event loop: starts them, finds them, saves their partial
// text.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "aio/task_group.hpp"
#include "engine/generation.hpp"

namespace throughline::engine {

class crew {
 public:
  struct options {
    milliseconds save_partials{1000};
    std::size_t partial_bytes_max = 1024 * 1024;  // in one statement
    std::size_t partial_pieces_max = 250;         // likewise
  };

  /// `on_over` is called on the loop after each generation has ended, with the provider it was
  /// claimed for. Everything but the constructor is on the loop only.
  crew(aio::event_loop& loop, const generation_services& services, options how,
       std::function<void(const std::string& provider)> on_over);

  void start(store::claimed_task task);
  /// Without `attempt`: whichever runs here.
  void request_stop(task_id task, std::optional<std::uint32_t> attempt, generation::stop_cause why);
  void request_stop_of_all(generation::stop_cause why);
  [[nodiscard]] std::vector<store::task_holder> held() const;

  /// Begins to save partial text once a second.
  void start_saving();
  /// Cancels what is left and suspends until nothing runs.
  [[nodiscard]] aio::awaitable<> stop();

  [[nodiscard]] aio::event_loop& loop() noexcept { return loop_; }

 private:
  using member = std::pair<task_id, std::weak_ptr<generation>>;
  /// What is saved by one statement.
  struct slice {
    struct piece {
      std::weak_ptr<generation> of;
      std::uint32_t to_index = 0;
    };
    std::vector<store::partial_text> grown;
    std::vector<piece> pieces;
  };

  aio::awaitable<> run(std::shared_ptr<generation> work);
  aio::awaitable<> keep_saving();
  aio::awaitable<> save_once();
  [[nodiscard]] slice take_slice(const std::vector<member>& all, std::size_t& next) const;

  aio::event_loop& loop_;
  const generation_services& services_;
  options options_;
  std::function<void(const std::string&)> on_over_;
  std::unordered_map<task_id, std::shared_ptr<generation>> running_;
  task_id refused_;  // the last of the slice that ended the last round of saving; null: none did
  aio::task_group group_;
};

}  // namespace throughline::engine
