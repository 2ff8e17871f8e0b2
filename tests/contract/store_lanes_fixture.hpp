// For the contract of the store: tasks of several providers, and a worker that has room for some.
#pragma once

#include "contract/store_fixture.hpp"

namespace throughline::store {

class store_lanes : public store_contract {
 protected:
  store_lanes() { know_providers(); }

  /// Models are called as `PROVIDER/MODEL`, and what names none is of `usual`.
  void know_providers() {
    posts_->find_providers_with([](const std::optional<std::string>& model) {
      return model ? model->substr(0, model->find('/')) : std::string("usual");
    });
  }
  task_id post_to(std::string provider, std::string queue = "default", std::int64_t priority = 0) {
    submit_options options;
    options.model = std::move(provider) + "/model";
    options.queue = std::move(queue);
    options.priority = priority;
    return post_with(ann, std::move(options)).task;
  }
  std::vector<task_id> claim_with(std::vector<provider_room> rooms, std::int64_t most = 100,
                                  std::vector<std::string> queues = {"default", "email"}) {
    std::vector<task_id> out;
    for (auto& task : get(queue_->claim(worker_, std::move(queues), most, std::move(rooms)))) {
      out.push_back(task.held.task);
      held_[task.held.task] = std::move(task);
    }
    return out;
  }

  const worker_id worker_ = start_worker();
  std::map<task_id, claimed_task> held_;
};

}  // namespace throughline::store
