#include "stream/redis_log_protocol.hpp"

#include <charconv>
#include <limits>

#include "base/assert.hpp"

namespace throughline::stream {
namespace {

// What open and append begin with. `own` is the length of the log of the writer's attempt. The DEL
// is for what an eviction has left: after a write Redis refuses no other write of the script.
constexpr std::string_view log_state = R"lua(
local chunks, meta = KEYS[1], KEYS[2]
local attempt, worker = tonumber(ARGV[1]), ARGV[2]
local has = redis.call('HMGET', meta, 'attempt', 'worker', 'chunks_attempt', 'chunk_count', 'status')
local length = redis.call('LLEN', chunks)
local is_there = has[1] and tonumber(has[4]) == length
if not is_there then
  if has[1] or length > 0 then redis.call('DEL', chunks, meta) end
  length = 0
end
local fence = is_there and tonumber(has[1]) or 0
local own = 0
if is_there and tonumber(has[3]) == attempt then own = length end
if attempt < fence or (attempt == fence and worker ~= has[2]) then return {1, own} end
)lua";

// ARGV: attempt worker ttl now message_id channel
const redis::script open_script(std::string(log_state) + R"lua(
if attempt > fence then
  redis.call('HSET', meta, 'attempt', ARGV[1], 'worker', worker, 'status', 'generating',
             'message_id', ARGV[5], 'started_at', ARGV[4], 'updated_at', ARGV[4],
             'chunk_count', length, 'chunks_attempt', is_there and has[3] or 0)
end
redis.call('PEXPIRE', meta, ARGV[3])
redis.call('PEXPIRE', chunks, ARGV[3])
redis.call('PUBLISH', ARGV[6], ARGV[1] .. ' 0\n')
return {0, own}
)lua");

// ARGV: attempt worker ttl now message_id channel first_index status chunk...
//
// It begins with the way of nearly every append: the log goes on where the same writer left it.
// Whether the list is what the hash says shows in what RPUSH returns. The TTL is renewed once a
// second.
const redis::script append_script(std::string(R"lua(
local at = redis.call('HMGET', KEYS[2], 'attempt', 'chunks_attempt', 'chunk_count', 'worker',
                      'status', 'updated_at')
if at[1] == ARGV[1] and at[2] == ARGV[1] and at[3] == ARGV[7] and at[4] == ARGV[2]
   and at[5] == 'generating' and #ARGV > 8 and #ARGV < 1000 and ARGV[7] ~= '0' then
  local own = tonumber(ARGV[7]) + #ARGV - 8
  if redis.call('RPUSH', KEYS[1], unpack(ARGV, 9)) ~= own then
    redis.call('DEL', KEYS[1], KEYS[2])
    return {3, 0}
  end
  if ARGV[8] == 'generating' then
    redis.call('HSET', KEYS[2], 'updated_at', ARGV[4], 'chunk_count', own)
  else
    redis.call('HSET', KEYS[2], 'updated_at', ARGV[4], 'chunk_count', own, 'status', ARGV[8])
  end
  if ARGV[8] ~= 'generating' or string.sub(at[6], 1, 19) ~= string.sub(ARGV[4], 1, 19) then
    redis.call('PEXPIRE', KEYS[2], ARGV[3])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
  end
  redis.call('PUBLISH', ARGV[6],
             ARGV[1] .. ' ' .. ARGV[7] .. '\n' .. table.concat(ARGV, '\n', 9))
  return {0, own}
end
)lua") + std::string(log_state) + R"lua(
local first, given = tonumber(ARGV[7]), #ARGV - 8
if own > 0 and has[5] ~= 'generating' then return {2, own} end
if first ~= own then return {3, own} end
if given == 0 then return {0, own} end
if own == 0 and length > 0 then redis.call('DEL', chunks) end
for i = 9, #ARGV, 1000 do
  redis.call('RPUSH', chunks, unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
own = own + given
if attempt > fence then
  redis.call('HSET', meta, 'attempt', ARGV[1], 'worker', worker, 'message_id', ARGV[5],
             'started_at', ARGV[4])
end
if first == 0 or ARGV[8] ~= 'generating' then
  redis.call('HSET', meta, 'status', ARGV[8], 'chunks_attempt', ARGV[1])
end
redis.call('HSET', meta, 'updated_at', ARGV[4], 'chunk_count', own)
redis.call('PEXPIRE', meta, ARGV[3])
redis.call('PEXPIRE', chunks, ARGV[3])
redis.call('PUBLISH', ARGV[6], ARGV[1] .. ' ' .. ARGV[7] .. '\n' .. table.concat(ARGV, '\n', 9))
return {0, own}
)lua");

// ARGV: channel
const redis::script remove_script(R"lua(
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('PUBLISH', ARGV[1], '0 0\n')
return 0
)lua");

// ARGV: attempt and index of the position (0 0: none), bytes_max
const redis::script read_script(R"lua(
local chunks, meta = KEYS[1], KEYS[2]
local has = redis.call('HMGET', meta, 'attempt', 'chunks_attempt', 'chunk_count', 'status')
local length = redis.call('LLEN', chunks)
if not has[1] or tonumber(has[3]) ~= length then return {0} end
if length == 0 then return {1, tonumber(has[1]), 0, 0, 0} end
local attempt = tonumber(has[2])
local ended = has[4] ~= 'generating'
if has[1] ~= has[2] then
  local last = redis.call('LINDEX', chunks, -1)
  local kind = string.match(last, '^{"chunk_index":%d+,"chunk_type":"(%a+)"')
  ended = kind == 'done' or kind == 'error'
end
local after, first, left = tonumber(ARGV[1]), 0, tonumber(ARGV[3])
if after == attempt then first = tonumber(ARGV[2]) + 1 end
if after > attempt then first = length end
local out = {
  1, attempt, length, ended and 1 or 0, first}
while first < length do
  for _, chunk in ipairs(redis.call('LRANGE', chunks, first, first + 255)) do
    out[#out + 1] = chunk
    left = left - #chunk
    if left <= 0 then return out end
  end
  first = first + 256
end
return out
)lua");

std::string key_of(task_id task, std::string_view part) {
  return "stream:" + task.to_string() + ":" + std::string(part);
}

/// What people see: the words of a message's status.
std::string_view status_after(std::span<const chunk> chunks) {
  if (chunks.empty() || !is_terminal(chunks.back().type)) return "generating";
  if (chunks.back().type == chunk_type::error) return "error";
  const bool is_cancelled =
      chunks.back().fields.find(R"("status":"cancelled")") != std::string::npos;
  return is_cancelled ? "cancelled" : "completed";
}

redis::command write_with(const redis::script& how, const writer& by, milliseconds ttl,
                          wall_time now) {
  const auto chunks = key_of(by.task, "chunks");
  const auto metadata = key_of(by.task, "metadata");
  redis::command out(how, {chunks, metadata});
  out.add_number(by.attempt).add(by.worker.to_string()).add_number(ttl.count());
  out.add(format_rfc3339(now));
  out.add(by.message.is_nil() ? std::string() : by.message.to_string());
  out.add(log_channel(by.task));
  return out;
}

bool is_number(const redis::value& one) noexcept {
  return one.is == redis::value_kind::integer && one.integer >= 0 &&
         one.integer <= std::numeric_limits<std::uint32_t>::max();
}

std::optional<std::uint32_t> take_number(std::string_view& text, char end) noexcept {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto taken = static_cast<std::size_t>(parsed.ptr - text.data());
  if (parsed.ec != std::errc{} || taken >= text.size() || text[taken] != end) return std::nullopt;
  text.remove_prefix(taken + 1);
  return number;
}

error strange_reply() {
  return fail(errc::unavailable, "somebody else has written into the log of an answer in Redis");
}

}  // namespace

std::string log_channel(task_id task) {
  return "stream:" + task.to_string();
}

redis::command open_log(const writer& by, milliseconds ttl, wall_time now) {
  return write_with(open_script, by, ttl, now);
}

redis::command append_to_log(const writer& by, std::uint32_t first_index,
                             std::span<const chunk> chunks, milliseconds ttl, wall_time now) {
  THROUGHLINE_ASSERT(chunks.size() < std::numeric_limits<std::uint32_t>::max() - first_index);
  auto out = write_with(append_script, by, ttl, now);
  out.add_number(first_index).add(status_after(chunks));
  std::string json;
  for (const auto& each : chunks) {
    json.clear();
    encode_chunk_json(json, first_index++, each);
    out.add(json);
  }
  return out;
}

result<append_result> read_append_reply(const redis::value& reply) {
  constexpr std::int64_t last_status = static_cast<std::int64_t>(append_status::mismatch);
  const bool is_pair = reply.items.size() == 2 && is_number(reply.items[0]) &&
                       reply.items[0].integer <= last_status && is_number(reply.items[1]);
  if (!is_pair) return strange_reply();
  return append_result{static_cast<append_status>(reply.items[0].integer),
                       static_cast<std::uint32_t>(reply.items[1].integer)};
}

redis::command remove_log(task_id task) {
  const auto chunks = key_of(task, "chunks");
  const auto metadata = key_of(task, "metadata");
  redis::command out(remove_script, {chunks, metadata});
  out.add(log_channel(task));
  return out;
}

redis::command read_log(task_id task, std::optional<position> after, std::size_t bytes_max) {
  const auto chunks = key_of(task, "chunks");
  const auto metadata = key_of(task, "metadata");
  redis::command out(read_script, {chunks, metadata});
  out.add_number(after ? after->attempt : 0).add_number(after ? after->index : 0);
  out.add_number(static_cast<std::int64_t>(bytes_max));
  return out;
}

result<stored_page> read_page(const redis::value& reply) {
  constexpr std::size_t numbers = 5;
  stored_page out;
  if (reply.items.size() == 1) return out;
  if (reply.items.size() < numbers) return strange_reply();
  for (std::size_t i = 0; i < numbers; ++i) {
    if (!is_number(reply.items[i])) return strange_reply();
  }
  const auto number = [&](std::size_t i) {
    return static_cast<std::uint32_t>(reply.items[i].integer);
  };
  out.exists = number(0) == 1;
  out.attempt = number(1);
  out.length = number(2);
  out.ended = number(3) == 1;
  out.first_index = number(4);
  for (std::size_t i = numbers; i < reply.items.size(); ++i) {
    const auto index = out.first_index + static_cast<std::uint32_t>(i - numbers);
    if (!out.chunks.add_stored({out.attempt, index}, reply.items[i].text)) return strange_reply();
  }
  return out;
}

std::optional<log_message> parse_log_message(std::string_view payload) noexcept {
  const auto attempt = take_number(payload, ' ');
  if (!attempt) return std::nullopt;
  const auto first = take_number(payload, '\n');
  if (!first) return std::nullopt;
  return log_message{*attempt, *first, payload};
}

bool encode_lines(const log_message& message, encoded_chunks& out) {
  out.clear();
  auto lines = message.lines;
  auto index = message.first_index;
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    if (!out.add_stored({message.attempt, index++}, lines.substr(0, end))) return false;
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return true;
}

}  // namespace throughline::stream
