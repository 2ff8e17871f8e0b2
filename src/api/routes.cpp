// What several groups of routes share.
#include "api/routes.hpp"

#include <algorithm>

#include "api/decode.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"

namespace throughline::api {
namespace {

result<std::string> choose_queue(const std::vector<std::string>& queues,
                                 const std::optional<std::string>& asked) {
  if (!asked) return std::string("default");
  if (std::ranges::find(queues, *asked) != queues.end()) return *asked;
  std::string known;
  for (const auto& name : queues) known += (known.empty() ? "" : ", ") + name;
  return fail(errc::unprocessable, "There is no queue '" + *asked + "'; the queues are: " + known);
}

/// Of a task that has not ended. A log that cannot be reached is shown as one that is empty.
aio::awaitable<task_progress> progress_in_log(stream::chunk_log& log, task_id task) {
  task_progress progress;
  const auto read = co_await log.read(task, std::nullopt, 1);
  if (read && read->exists && read->length > 0) {
    progress.position = stream::to_string(stream::position{read->attempt, read->length - 1});
    progress.chunk_count = read->length;
  }
  co_return progress;
}

}  // namespace

result<void> check_model(const call& in, const std::optional<std::string>& model) {
  if (!model) return {};
  const auto choice = in.app.on.models.choose(model);
  if (!choice) return choice.error();
  return {};
}

result<store::submit_options> make_submit_options(const call& in, std::optional<std::string> model,
                                                  std::optional<std::string> queue,
                                                  std::int64_t priority) {
  const auto served = check_model(in, model);
  if (!served) return served.error();
  auto chosen = choose_queue(in.app.options.queues, queue);
  if (!chosen) return chosen.error();
  auto once = decode_idempotency(in.request());
  if (!once) return once.error();
  store::submit_options options;
  options.model = std::move(model);
  options.queue = std::move(*chosen);
  options.priority = priority;
  options.once = std::move(*once);
  return options;
}

void note_accepted(const call& in, const store::submission& accepted) {
  static metrics::counter& count = metrics::find_counter(metrics::tasks_accepted);
  if (!accepted.replayed) count.add();
  log::info(log::task(accepted.task), accepted.replayed ? "accepted before" : "accepted",
            {{"request_id", in.request().request_id},
             {"conversation", accepted.conversation.to_string()}});
}

aio::awaitable<result<std::vector<task_view>>> with_progress(call in,
                                                             std::vector<store::task> rows) {
  std::vector<task_view> views;
  views.reserve(rows.size());
  std::vector<task_id> ended;
  for (auto& row : rows) {
    if (store::is_terminal(row.state)) ended.push_back(row.id);
    views.push_back({std::move(row), {}});
  }
  if (!ended.empty()) {
    const auto stored = co_await in.app.on.queue.terminals(std::move(ended));
    if (!stored) co_return stored.error();
    auto next = stored->begin();
    for (auto& view : views) {
      if (!store::is_terminal(view.row.state)) continue;
      if (next->attempt) {
        view.progress.position = stream::to_string(stream::position{*next->attempt, next->index});
        view.progress.chunk_count = std::int64_t{next->index} + 1;
      }
      ++next;
    }
  }
  for (auto& view : views) {
    if (store::is_terminal(view.row.state)) continue;
    view.progress = co_await progress_in_log(in.app.on.log, view.row.id);
  }
  co_return views;
}

}  // namespace throughline::api
