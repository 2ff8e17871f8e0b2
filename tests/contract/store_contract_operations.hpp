// What operators see and do: workers, queues that are paused, and tasks whoever owns them.
#pragma once

#include "contract/store_fixture.hpp"
#include "contract/store_recording_taker.hpp"

namespace throughline::store {

inline worker_report about(std::vector<std::string> queues) {
  worker_report out;
  out.host = "machine-1";
  out.process = 4711;
  out.version = "1.2.3";
  out.queues = std::move(queues);
  out.concurrency = 10;
  out.started_at = from_unix_ms(1'000);
  out.running = 3;
  return out;
}

inline const queue_record& queue_named(const std::vector<queue_record>& all,
                                       const std::string& name) {
  for (const auto& one : all) {
    if (one.name == name) return one;
  }
  throw std::runtime_error("there is no queue " + name);
}

TEST_P(store_contract, a_database_has_an_id_of_its_own) {
  const auto id = get(operations_->installation());
  EXPECT_FALSE(id.is_nil());
  EXPECT_EQ(get(operations_->installation()), id);
  const auto text = id.to_string();
  EXPECT_EQ(text[14], '4') << text;
  EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos) << text;
  const auto another = GetParam()();
  operations elsewhere(*another.database, bells_);
  EXPECT_NE(get(elsewhere.installation()), id);
}

TEST_P(store_contract, a_worker_is_what_its_heartbeats_said) {
  const auto worker = worker_id::generate();
  get(queue_->heartbeat(worker, lease, about({"default", "chat"})));
  auto later = about({"ignored"});
  later.running = 7;
  EXPECT_FALSE(get(queue_->heartbeat(worker, lease, later)).is_to_drain);
  const auto all = get(operations_->workers(10, std::nullopt)).data;
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, worker);
  EXPECT_EQ(all[0].host, "machine-1");
  EXPECT_EQ(all[0].process, 4711);
  EXPECT_EQ(all[0].version, "1.2.3");
  EXPECT_EQ(all[0].queues, (std::vector<std::string>{"default", "chat"}));
  EXPECT_EQ(all[0].concurrency, 10);
  EXPECT_EQ(all[0].running, 7);
  EXPECT_EQ(all[0].started_at, from_unix_ms(1'000));
  EXPECT_GT(all[0].expires_at, all[0].renewed_at);
  EXPECT_TRUE(all[0].is_alive);
  EXPECT_FALSE(all[0].is_draining);
  let_lease_expire(worker);
  EXPECT_FALSE(get(operations_->workers(10, std::nullopt)).data[0].is_alive);
}

TEST_P(store_contract, workers_come_in_pages_the_newest_first) {
  std::vector<worker_id> started;
  for (int i = 0; i < 5; ++i) {
    started.push_back(worker_id::generate());
    get(queue_->heartbeat(started.back(), lease, about({"default"})));
  }
  std::vector<worker_id> seen;
  std::optional<std::string> cursor;
  do {
    const auto page = get(operations_->workers(2, cursor));
    EXPECT_LE(page.data.size(), 2U);
    for (const auto& one : page.data) seen.push_back(one.id);
    cursor = page.next_cursor;
  } while (cursor);
  std::ranges::reverse(started);
  EXPECT_EQ(seen, started);
  EXPECT_EQ(refusal(operations_->workers(2, "nonsense")), errc::invalid_request);
}

TEST_P(store_contract, a_worker_that_is_asked_to_drain_hears_it_and_serves_nothing_more) {
  const auto worker = worker_id::generate();
  get(queue_->heartbeat(worker, lease, about({"default"})));
  EXPECT_FALSE(get(queue_->is_to_drain(worker)));
  post(ann, "question");
  EXPECT_EQ(get(operations_->service()).workers, 1);
  EXPECT_TRUE(get(operations_->service()).gaps.empty());
  EXPECT_TRUE(get(operations_->drain(worker)).is_draining);
  EXPECT_TRUE(get(queue_->is_to_drain(worker)));
  EXPECT_TRUE(get(queue_->heartbeat(worker, lease, about({"default"}))).is_to_drain);
  EXPECT_TRUE(get(operations_->workers(1, std::nullopt)).data[0].is_draining);
  const auto now = get(operations_->service());
  EXPECT_EQ(now.workers, 0);
  ASSERT_EQ(now.gaps.size(), 1U);
  EXPECT_EQ(now.gaps[0].queue, "default");
  EXPECT_EQ(refusal(operations_->drain(worker_id::generate())), errc::not_found);
  EXPECT_FALSE(get(queue_->is_to_drain(worker_id::generate())));
}

TEST_P(store_contract, a_worker_that_says_that_it_drains_is_seen_to) {
  const auto worker = worker_id::generate();
  auto leaving = about({"default"});
  get(queue_->heartbeat(worker, lease, leaving));
  leaving.is_draining = true;
  get(queue_->heartbeat(worker, lease, leaving));
  EXPECT_TRUE(get(operations_->workers(1, std::nullopt)).data[0].is_draining);
}

TEST_P(store_contract, what_waits_is_counted_beside_the_workers_that_serve_it) {
  submit_options options;
  for (const auto* queue : {"chat", "default", "email"}) {
    options.queue = queue;
    post_with(ann, options);
  }
  const auto first = worker_id::generate();
  const auto second = worker_id::generate();
  const auto dead = worker_id::generate();
  get(queue_->heartbeat(first, lease, about({"default"})));
  get(queue_->heartbeat(second, lease, about({"default", "chat"})));
  get(queue_->heartbeat(dead, already_over, about({"email"})));
  const auto serving = [this](std::optional<worker_id> but_for) {
    std::map<std::string, std::int64_t> out;
    for (const auto& line : get(queue_->census(but_for))) out[line.queue] = line.workers;
    return out;
  };
  EXPECT_EQ(serving({}),
            (std::map<std::string, std::int64_t>{{"chat", 1}, {"default", 2}, {"email", 0}}));
  EXPECT_EQ(serving(second),
            (std::map<std::string, std::int64_t>{{"chat", 0}, {"default", 1}, {"email", 0}}));
  const auto now = get(operations_->service());
  EXPECT_EQ(now.workers, 2);
  ASSERT_EQ(now.gaps.size(), 1U);
  EXPECT_EQ(now.gaps[0].queue, "email");
  EXPECT_GE(now.gaps[0].waited, milliseconds(0));
  // One of a version that does not say what it claims from may claim from any.
  ask("UPDATE workers SET queues = NULL WHERE id = $1", {first});
  EXPECT_TRUE(get(operations_->service()).gaps.empty());
  EXPECT_EQ(get(operations_->workers(10, std::nullopt)).data[2].queues, std::nullopt);
}

TEST_P(store_contract, a_queue_shows_what_is_in_it_and_who_serves_it) {
  const auto posted = post(ann, "question");
  post_in(ann, posted.conversation, "next");
  const auto worker = worker_id::generate();
  get(queue_->heartbeat(worker, lease, about({"default", "email"})));
  ask("UPDATE tasks SET ready_at = ready_at - 60000 WHERE id = $1", {posted.task});
  auto all = get(operations_->queues({"marketing"}));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].name, "default");
  EXPECT_EQ(all[1].name, "email");
  EXPECT_EQ(all[2].name, "marketing");
  EXPECT_EQ(all[0].tasks, (std::array<std::int64_t, 5>{1, 0, 0, 1, 0}));
  EXPECT_GE(all[0].oldest, seconds(60));
  EXPECT_EQ(all[0].workers, 1);
  EXPECT_EQ(all[1].oldest, std::nullopt);
  EXPECT_EQ(all[2].workers, 0);
  claim_one(worker);
  all = get(operations_->queues({}));
  EXPECT_EQ(all[0].tasks, (std::array<std::int64_t, 5>{1, 0, 0, 0, 1}));
  EXPECT_EQ(all[0].oldest, std::nullopt) << "a blocked task could not be claimed";
}

TEST_P(store_contract, nothing_of_a_paused_queue_is_claimed_until_it_is_resumed) {
  submit_options options;
  options.queue = "chat";
  const auto worker = start_worker();
  EXPECT_TRUE(get(operations_->set_paused("chat", true, {"chat"})).is_paused);
  const auto held = post_with(ann, options);
  const auto other = post(bob, "another queue");
  const std::vector<std::string> both{"chat", "default"};
  auto claimed = claim(worker, 10, both);
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].held.task, other.task);
  EXPECT_EQ(state_of(held.task), task_state::ready) << "it was taken all the same";
  EXPECT_TRUE(queue_named(get(operations_->queues({})), "chat").is_paused);
  EXPECT_EQ(get(queue_->census())[0].count, 1);
  bells_.forget();
  EXPECT_FALSE(get(operations_->set_paused("chat", false, {})).is_paused);
  EXPECT_EQ(bells_.queue_rings(), 1);
  claimed = claim(worker, 10, both);
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].held.task, held.task);
  EXPECT_EQ(refusal(operations_->set_paused("nowhere", true, {"chat"})), errc::not_found);
  EXPECT_EQ(count("queues"), 1);
  expect_sound();
}

TEST_P(store_contract, a_post_into_a_paused_queue_begins_at_no_taker) {
  recording_taker taker(start_worker());
  posts_->begin_tasks_at(taker);
  get(operations_->set_paused("default", true, {"default"}));
  const auto waits = post(ann, "question");
  EXPECT_EQ(state_of(waits.task), task_state::ready);
  get(operations_->set_paused("default", false, {}));
  claim(start_worker());
  const auto begins = post(bob, "question");
  EXPECT_EQ(state_of(begins.task), task_state::running);
}

TEST_P(store_contract, operators_see_the_running_tasks_of_all_owners_the_longest_first) {
  const auto worker = start_worker();
  std::vector<task_id> posted;
  for (int i = 0; i < 5; ++i) posted.push_back(post(i % 2 == 0 ? ann : bob, "question").task);
  for (int i = 0; i < 5; ++i) claim_one(worker);
  post(ann, "not claimed");
  ask("UPDATE tasks SET attempt_started_at = attempt_started_at - 5000 WHERE id = $1", {posted[3]});
  std::vector<operator_task> seen;
  std::optional<std::string> cursor;
  do {
    const auto page = get(operations_->running(2, cursor));
    EXPECT_LE(page.data.size(), 2U);
    seen.insert(seen.end(), page.data.begin(), page.data.end());
    cursor = page.next_cursor;
  } while (cursor);
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen[0].row.id, posted[3]);
  EXPECT_EQ(seen[0].row.owner, bob);
  EXPECT_EQ(seen[0].worker, worker);
  EXPECT_TRUE(seen[0].attempt_started_at.has_value());
  EXPECT_EQ(std::ranges::count(seen, ann, [](const auto& one) { return one.row.owner; }), 3);
}

TEST_P(store_contract, delayed_tasks_say_when_and_why) {
  const auto worker = start_worker();
  const auto retried = post(ann, "question");
  const auto claimed = claim_one(worker);
  get(queue_->requeue(claimed.held, std::chrono::hours(1), true,
                      answer_error{"provider_timeout", "it took too long", true}, std::nullopt));
  submit_options later;
  later.run_at = from_unix_ms(to_unix_ms(system_clock().wall_now()) + 60'000);
  const auto postponed = post_with(bob, later);
  auto page = get(operations_->delayed(1, std::nullopt));
  ASSERT_EQ(page.data.size(), 1U);
  EXPECT_EQ(page.data[0].row.id, postponed.task);
  EXPECT_EQ(page.data[0].row.failures, 0);
  ASSERT_TRUE(page.next_cursor.has_value());
  page = get(operations_->delayed(1, page.next_cursor));
  ASSERT_EQ(page.data.size(), 1U);
  EXPECT_EQ(page.data[0].row.id, retried.task);
  EXPECT_EQ(page.data[0].row.failures, 1);
  EXPECT_EQ(page.data[0].row.last_error->code, "provider_timeout");
  EXPECT_GT(page.data[0].row.run_at, system_clock().wall_now());
  EXPECT_FALSE(page.next_cursor.has_value());
}

TEST_P(store_contract, failed_tasks_come_newest_first_and_a_task_with_all_its_attempts) {
  const auto worker = start_worker();
  std::vector<task_id> failed;
  for (int i = 0; i < 3; ++i) {
    post(i == 1 ? bob : ann, "question");
    auto task = claim_one(worker);
    if (i == 2) {
      requeue(task, milliseconds(0));
      task = claim_one(worker);
    }
    get(queue_->finish(task.held, failed_with("so far", "provider_refused")));
    failed.push_back(task.held.task);
    ask("UPDATE tasks SET finished_at = $2 WHERE id = $1", {failed.back(), 1000 + i / 2});
  }
  post(ann, "answered");
  finish(claim_one(worker));
  std::vector<task_id> seen;
  std::optional<std::string> cursor;
  do {
    const auto page = get(operations_->failed(2, cursor));
    for (const auto& one : page.data) {
      seen.push_back(one.row.id);
      EXPECT_EQ(one.row.last_error->code, "provider_refused");
    }
    cursor = page.next_cursor;
  } while (cursor);
  EXPECT_EQ(seen, (std::vector<task_id>{failed[2], failed[1], failed[0]}));

  const auto whole = get(operations_->task_of(failed[2]));
  EXPECT_EQ(whole.now.row.owner, ann);
  EXPECT_EQ(whole.now.worker, worker);
  ASSERT_EQ(whole.attempts.size(), 2U);
  EXPECT_EQ(whole.attempts[0].worker, worker);
  EXPECT_FALSE(whole.attempts[0].failure.has_value());
  EXPECT_EQ(whole.attempts[1].failure->code, "provider_refused");
  EXPECT_EQ(get(operations_->owner_of(failed[1])), bob);
  EXPECT_EQ(refusal(operations_->task_of(task_id::generate())), errc::not_found);
  EXPECT_EQ(refusal(operations_->owner_of(task_id::generate())), errc::not_found);

  task_queue::cleaning now;
  now.task_retention = milliseconds(-1000);
  get(queue_->clean(now));
  const auto left = get(operations_->task_of(failed[2]));
  EXPECT_EQ(left.now.row.state, task_state::failed);
  EXPECT_EQ(left.now.row.owner, ann);
  EXPECT_TRUE(left.attempts.empty());
}

TEST_P(store_contract, endings_are_counted_by_how_long_ago_they_were) {
  const auto worker = start_worker();
  const std::vector<std::int64_t> ages{0, 2 * 60'000, 2 * 3'600'000};
  for (const auto age : ages) {
    post(ann, "question");
    const auto task = claim_one(worker);
    finish(task);
    ask("UPDATE tasks SET finished_at = finished_at - CAST($2 AS bigint) WHERE id = $1",
        {task.held.task, age});
  }
  post(bob, "question");
  get(queue_->finish(claim_one(worker).held, failed_with("", "provider_refused")));
  cancel(ann, post(ann, "question").task);
  post(ann, "open");
  get(queue_->heartbeat(worker_id::generate(), lease, about({"default"})));
  get(queue_->heartbeat(worker_id::generate(), already_over, about({"default"})));
  const auto counted = get(operations_->count({}));
  EXPECT_EQ(counted.succeeded.minute, 1);
  EXPECT_EQ(counted.succeeded.hour, 2);
  EXPECT_EQ(counted.succeeded.day, 3);
  EXPECT_EQ(counted.failed.minute, 1);
  EXPECT_EQ(counted.cancelled.day, 1);
  EXPECT_TRUE(counted.is_complete);
  EXPECT_EQ(counted.workers_alive, 2);
  EXPECT_EQ(counted.workers_draining, 0);
  EXPECT_EQ(counted.concurrency, 10);
  EXPECT_EQ(counted.running, 3);
  EXPECT_EQ(queue_named(counted.queues, "default").tasks[3], 1);
}

}  // namespace throughline::store
