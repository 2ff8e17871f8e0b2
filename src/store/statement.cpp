#include "store/statement.hpp"

#include <string>
#include <vector>

#include "store/statements_changes.hpp"
#include "store/statements_operations.hpp"
#include "store/statements_queue.hpp"
#include "store/statements_reading.hpp"
#include "store/statements_submissions.hpp"
#include "store/statements_workers.hpp"

namespace throughline::store {

namespace {

/// $1 worker, $2 most; `p` is what may be claimed.
constexpr std::string_view claim_of_p = R"(UPDATE tasks SET state = 'running',
  attempt = attempt + 1, worker = $1,
  started_at = COALESCE(started_at, now_ms()), attempt_started_at = now_ms()
WHERE id IN (SELECT id FROM p ORDER BY priority DESC, ready_at, id LIMIT $2)
RETURNING id, attempt, owner, conversation_id, message_id, failures, failures_max,
  cancel_requested, created_at,
  priority, ready_at, COALESCE(model, (SELECT c.model FROM conversations c
    WHERE c.id = tasks.conversation_id)),
  error_code, (SELECT q.content FROM messages a JOIN messages q ON q.id = a.parent_id
    WHERE a.id = tasks.message_id AND q.parent_id IS NULL),
  (SELECT p.system_prompt FROM conversations p WHERE p.id = tasks.conversation_id),
  provider)";

/// One index range of ready tasks, in order, as `bI`.
std::string range_text(std::size_t i, std::string_view columns, const std::string& queue,
                       const std::string& also, const std::string& most) {
  std::string text = i == 0 ? "" : "  UNION ALL\n";
  text += "  SELECT * FROM (SELECT id, priority, ready_at";
  text += columns;
  text += " FROM tasks WHERE state = 'ready' AND queue = $" + queue + also +
          " AND NOT EXISTS(SELECT 1 FROM queues WHERE name = $" + queue +
          " AND paused = 1) ORDER BY priority DESC, ready_at, id LIMIT $" + most + " @lock) AS b" +
          std::to_string(i) + "\n";
  return text;
}

}  // namespace

std::string claim_text(std::size_t queues) {
  std::string text = "WITH p AS MATERIALIZED (\n";
  for (std::size_t i = 0; i < queues; ++i) {
    text += range_text(i, "", std::to_string(i + 3), "", "2");
  }
  text += ")\n";
  text += claim_of_p;
  return text;
}

std::string claim_lanes_text(std::size_t lanes) {
  std::string text = "WITH b AS MATERIALIZED (\n";
  for (std::size_t i = 0; i < lanes; ++i) {
    const auto provider = std::to_string(3 * i + 4);
    const auto room = std::to_string(3 * i + 5);
    text += range_text(i, ", provider, CAST($" + room + " AS bigint) AS room",
                       std::to_string(3 * i + 3), " AND provider = $" + provider, room);
  }
  text += R"(),
r AS MATERIALIZED (SELECT id, priority, ready_at, room,
  row_number() OVER (PARTITION BY provider ORDER BY priority DESC, ready_at, id) AS place FROM b),
p AS MATERIALIZED (SELECT id, priority, ready_at FROM r WHERE place <= room)
)";
  text += claim_of_p;
  return text;
}

std::span<const statement> all_statements() {
  using namespace statements;
  static const std::string claim_1 = claim_text(1);
  static const std::string claim_3 = claim_text(3);
  static const std::string claim_lanes_1 = claim_lanes_text(1);
  static const std::string claim_lanes_3 = claim_lanes_text(3);
  static const std::vector<statement> every_statement{
      lock_owner,
      lock_owner_of,
      admit,
      insert_task,
      unblock,
      keep_attempt,
      read_fence,
      finish_task,
      end_task,
      end_message,
      touch_conversation,
      delete_partials,
      requeue_task,
      due_owners,
      make_due_of,
      next_due,
      request_cancel,
      worker_is_alive,
      told_to_drain,
      renew_lease,
      held_tasks,
      ready_lanes,
      retire_worker,
      reap,
      keep_lost_attempts,
      recover_attempts,
      recover_tasks,
      recover_workers,
      recover_capped,
      recover_excess,
      recover_owners,
      recover_waiting,
      recover_uncapped,
      holds,
      expire_worker,
      save_partials,
      read_saved,
      read_context,
      take_key,
      read_key,
      complete_key,
      read_submission,
      insert_conversation,
      take_seq,
      read_place,
      read_answer_of,
      insert_turn,
      insert_answer,
      get_conversation,
      list_conversations,
      search_conversations,
      find_text,
      open_tasks_of,
      patch_conversation,
      hide_conversation,
      is_hidden,
      cancel_all_of,
      unhide_conversation,
      touch_messages_of,
      touch_tasks_of,
      take_revs,
      get_message,
      message_sizes_up,
      message_sizes_down,
      list_messages_up,
      list_messages_down,
      get_task,
      get_cleaned_task,
      count_in_front,
      count_waiting_in_front,
      active_tasks,
      attempts_of,
      task_of_message,
      newest_open_task,
      terminals,
      ending_of,
      owns_answer,
      answer_status,
      current_rev,
      next_revs,
      changed_sizes,
      changed_conversations,
      changed_messages,
      changed_tasks,
      active_messages,
      clean_tasks,
      clean_attempts,
      clean_partials,
      purge_tasks,
      clean_keys,
      clean_workers,
      begin_purge,
      purge_messages,
      end_purge,
      census,
      living_workers,
      list_workers,
      get_worker,
      drain_worker,
      set_paused,
      known_queues,
      next_in_queues,
      running_tasks,
      delayed_tasks,
      failed_tasks,
      any_task,
      any_cleaned_task,
      owner_of_task,
      installation,
      newest_endings,
      check_heads,
      check_capped,
      check_slots,
      check_waiting,
      statement{"claim_1", claim_1},
      statement{"claim_3", claim_3},
      statement{"claim_lanes_1", claim_lanes_1},
      statement{"claim_lanes_3", claim_lanes_3},
  };
  return every_statement;
}

}  // namespace throughline::store
