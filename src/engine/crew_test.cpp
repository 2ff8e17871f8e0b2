#include "engine/crew.hpp"

#include "engine/engine_fixture.hpp"
#include "engine/watched_database.hpp"
#include "store/statements_workers.hpp"

namespace throughline::engine {
namespace {

/// A crew without a worker: one answer to a statement of partial text.
class crew_test : public engine_fixture {
 protected:
  ~crew_test() override { await(crew_.stop()); }

  static provider::catalog_entry entry_of(std::shared_ptr<scripted_provider> model) {
    provider::catalog_entry entry;
    entry.source = std::move(model);
    entry.models = {"model"};
    return entry;
  }
  static crew::options one_at_a_time() {
    crew::options how;
    how.save_partials = milliseconds(10);
    how.partial_pieces_max = 1;
    return how;
  }
  /// So many answers that say "Begun" and do not end, in the order of their tasks.
  std::vector<task_id> begin(std::int64_t count) {
    model_->will_play({{says("Begun"), hangs()}});
    for (std::int64_t i = 0; i < count; ++i) post();
    const auto self = worker_id::generate();
    EXPECT_TRUE(await(queue_->heartbeat(self, milliseconds(60'000))).has_value());
    auto claimed = await(queue_->claim(self, {"default"}, count));
    std::vector<task_id> tasks;
    for (const auto& task : *claimed) tasks.push_back(task.held.task);
    std::ranges::sort(tasks);
    oldest = tasks.front().to_string();
    loops_[1].post([this, claimed = *claimed] {
      for (const auto& task : claimed) crew_.start(task);
      crew_.start_saving();
    });
    return tasks;
  }
  bool is_saved(task_id task) { return await(queue_->saved(task))->content == "Begun"; }

  std::string oldest;  // of the tasks; set before it begins
  std::atomic<bool> refuses_oldest{true};
  watched_database database{*database_, loops_[1], store::statements::save_partials.text};
  store::task_queue queue{database, bells_, limits_};
  provider::catalog models{std::vector{entry_of(model_)}, "model"};
  const generation_services services{queue, log_, models,  system_clock(), random_,
                                     {},    {},   nullptr, nullptr};
  crew crew_{loops_[1], services, one_at_a_time(), [](const std::string&) {
             }};
};

TEST_F(crew_test, text_that_is_refused_holds_up_nobody_elses) {
  database.refuses = [this](const sql::parameters& values) {
    return refuses_oldest && values[0].text().find(oldest) != std::string::npos;
  };
  const auto tasks = begin(4);
  for (std::size_t i = 1; i < tasks.size(); ++i) {
    eventually([&] { return is_saved(tasks[i]); }, "the text of the newer ones");
  }
  eventually([&, before = database.refused.load()] { return database.refused > before; },
             "another try");
  EXPECT_FALSE(is_saved(tasks.front()));
  refuses_oldest = false;
  eventually([&] { return is_saved(tasks.front()); }, "its own");
}

}  // namespace
}  // namespace throughline::engine
