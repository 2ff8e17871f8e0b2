// Making, renaming, hiding and restoring.
#include "store/conversations.hpp"

#include <memory>
#include <unordered_map>

#include "store/conversation_steps.hpp"
#include "store/row_mapping.hpp"
#include "store/statements_reading.hpp"
#include "store/statements_submissions.hpp"
#include "store/text.hpp"
#include "store/transaction_steps.hpp"

namespace throughline::store {

aio::awaitable<std::vector<conversation>> with_active_tasks(sql::transaction& in,
                                                            std::vector<conversation> of) {
  std::vector<conversation_id> ids;
  std::unordered_map<uuid, std::size_t> places;
  for (std::size_t i = 0; i < of.size(); ++i) {
    if (of[i].deleted) continue;
    ids.push_back(of[i].id);
    places.emplace(of[i].id, i);
  }
  if (ids.empty()) co_return of;
  const auto open =
      co_await in.execute(statements::open_tasks_of.text, sql::parameters{to_json_ids(ids)});
  for (const auto& row : open) {
    auto& owning = of[places.at(row[0].id<conversation_id>())];
    owning.active_task_ids.push_back(row[1].id<task_id>());
  }
  co_return of;
}

aio::awaitable<result<conversation>> read_conversation(sql::transaction& in, owner_id owner,
                                                       conversation_id id) {
  const auto found =
      co_await in.execute(statements::get_conversation.text, sql::parameters{id, owner});
  if (found.empty()) co_return fail(errc::not_found, "no such conversation");
  std::vector<conversation> one{to_conversation(found[0])};
  const auto filled = co_await with_active_tasks(in, std::move(one));
  co_return filled[0];
}

namespace {

/// Counts the runs of a transaction body: one that runs again may have been committed the first
/// time.
using run_counter = std::shared_ptr<int>;

aio::awaitable<result<conversation>> run_create(sql::transaction& in, owner_id owner,
                                                conversation_id id, new_conversation fields,
                                                run_counter runs) {
  if (++*runs > 1) {
    auto there = co_await read_conversation(in, owner, id);
    if (there) co_return there;
  }
  const auto rev = co_await lock_owner(in, owner);
  sql::parameters values{
      id, owner, rev, fields.title.value_or(""), fields.model, fields.system_prompt, 0};
  co_await in.execute(statements::insert_conversation.text, std::move(values));
  auto made = co_await read_conversation(in, owner, id);
  co_return made;
}

void append_field(sql::parameters& values, bool is_set, sql::value value) {
  values.emplace_back(is_set);
  values.push_back(std::move(value));
}

aio::awaitable<result<conversation>> run_patch(sql::transaction& in, owner_id owner,
                                               conversation_id id, conversation_patch fields) {
  const auto rev = co_await lock_owner(in, owner);
  sql::parameters values{id, owner, rev};
  append_field(values, fields.title.has_value(), fields.title);
  append_field(values, fields.model.has_value(), fields.model.value_or(std::nullopt));
  append_field(values, fields.system_prompt.has_value(),
               fields.system_prompt.value_or(std::nullopt));
  append_field(values, fields.pinned.has_value(), fields.pinned);
  const auto patched = co_await in.execute(statements::patch_conversation.text, std::move(values));
  if (patched.empty()) co_return fail(errc::not_found, "no such conversation");
  auto out = co_await read_conversation(in, owner, id);
  co_return out;
}

aio::awaitable<result<std::vector<task_id>>> run_remove(sql::transaction& in, owner_id owner,
                                                        conversation_id id, run_counter runs) {
  ++*runs;
  const auto rev = co_await lock_owner(in, owner);
  const auto hidden =
      co_await in.execute(statements::hide_conversation.text, sql::parameters{id, owner, rev});
  if (hidden.empty()) {
    // Hidden by the run before, if that was committed: it may as well have been rolled back.
    const auto earlier =
        co_await in.execute(statements::is_hidden.text, sql::parameters{id, owner});
    if (*runs == 1 || earlier.empty()) co_return fail(errc::not_found, "no such conversation");
  }
  // Marked here, and ended by the caller: should it die before it could, whoever claims them ends
  // them.
  const auto open = co_await in.execute(statements::cancel_all_of.text, sql::parameters{id, rev});
  std::vector<task_id> out;
  for (const auto& row : open) out.push_back(row[0].id<task_id>());
  co_return out;
}

aio::awaitable<result<conversation>> run_restore(sql::transaction& in, owner_id owner,
                                                 conversation_id id) {
  const auto rev = co_await lock_owner(in, owner);
  const auto restored =
      co_await in.execute(statements::unhide_conversation.text, sql::parameters{id, owner, rev});
  if (!restored.empty()) {
    co_await in.execute(statements::touch_tasks_of.text, sql::parameters{id, rev});
    co_await in.execute(statements::touch_messages_of.text, sql::parameters{id, rev});
    co_await in.execute(statements::take_revs.text, sql::parameters{owner, restored[0][0]});
  }
  auto out = co_await read_conversation(in, owner, id);
  co_return out;
}

std::optional<std::string> storable_field(std::optional<std::string> text) {
  if (text) text = storable(std::move(*text));
  return text;
}

}  // namespace

aio::awaitable<result<conversation>> conversations::create(owner_id owner,
                                                           new_conversation fields) {
  fields.title = storable_field(std::move(fields.title));
  fields.system_prompt = storable_field(std::move(fields.system_prompt));
  const auto body = [owner, fields, id = conversation_id::generate(),
                     runs = std::make_shared<int>(0)](sql::transaction& in) {
    return run_create(in, owner, id, fields, runs);
  };
  auto done = co_await database_.write<conversation>(body, owner);
  if (done) bells_.owner_changed(owner);
  co_return done;
}

aio::awaitable<result<conversation>> conversations::get(owner_id owner, conversation_id id) {
  const auto body = [owner, id](sql::transaction& in) {
    return read_conversation(in, owner, id);
  };
  auto done = co_await database_.read<conversation>(body);
  co_return done;
}

aio::awaitable<result<conversation>> conversations::patch(owner_id owner, conversation_id id,
                                                          conversation_patch fields) {
  fields.title = storable_field(std::move(fields.title));
  if (fields.system_prompt) fields.system_prompt = storable_field(std::move(*fields.system_prompt));
  const auto body = [owner, id, fields](sql::transaction& in) {
    return run_patch(in, owner, id, fields);
  };
  auto done = co_await database_.write<conversation>(body, owner);
  if (done) bells_.owner_changed(owner);
  co_return done;
}

aio::awaitable<result<std::vector<task_id>>> conversations::remove(owner_id owner,
                                                                   conversation_id id) {
  const auto body = [owner, id, runs = std::make_shared<int>(0)](sql::transaction& in) {
    return run_remove(in, owner, id, runs);
  };
  // Not in a group: one that runs again believes that it may have been committed.
  auto done = co_await database_.write<std::vector<task_id>>(body);
  if (done) bells_.owner_changed(owner);
  co_return done;
}

aio::awaitable<result<conversation>> conversations::restore(owner_id owner, conversation_id id) {
  const auto body = [owner, id](sql::transaction& in) {
    return run_restore(in, owner, id);
  };
  auto done = co_await database_.write<conversation>(body, owner);
  if (done) bells_.owner_changed(owner);
  co_return done;
}

}  // namespace throughline::store
