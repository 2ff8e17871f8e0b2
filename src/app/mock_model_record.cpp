#include "app/mock_model_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace throughline::app {
namespace {

constexpr std::size_t records_max = 20'000;
constexpr std::size_t held_bytes_max = 256 * 1024 * 1024;
constexpr std::size_t counts_max = 100'000;

std::size_t size_of(const mock_record& record) {
  return record.messages.size() + record.sent_text.size() + record.sent_reasoning.size();
}

double microseconds(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1000;
}

std::string to_json(const mock_record& record) {
  std::string out = fmt::format(R"({{"number":{},"id":)", record.number);
  const auto text = [&out](std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
    append_json_string(out, value);
  };
  append_json_string(out, record.id);
  text("key", record.key);
  text("path", record.path);
  text("model", record.model);
  text("received_at", format_rfc3339(record.received_at));
  out += R"(,"headers":{)";
  for (std::size_t i = 0; i < record.headers.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, record.headers[i].first);
    out += ':';
    append_json_string(out, record.headers[i].second);
  }
  out += R"(},"messages":)" + record.messages;
  text("sent_reasoning", record.sent_reasoning);
  text("sent_text", record.sent_text);
  fmt::format_to(std::back_inserter(out), R"(,"sent_text_hash":"{:016x}","sent_text_bytes":{})",
                 record.sent_digest.hash, record.sent_digest.bytes);
  fmt::format_to(std::back_inserter(out),
                 R"(,"stream":{},"had_key":{},"status":{},"sent_tokens":{},"sent_bytes":{},)"
                 R"("finished":{},"closed_by_client":{},"received_at_ms":{},"closed_at_ms":{}}})",
                 record.stream, record.had_key, record.status, record.sent_tokens,
                 record.sent_bytes, record.finished, record.closed_by_client,
                 to_unix_ms(record.received_at),
                 record.closed_at ? std::to_string(to_unix_ms(*record.closed_at)) : "null");
  return out;
}

}  // namespace

std::shared_ptr<mock_record> mock_record_book::add(mock_record record) {
  auto added = std::make_shared<mock_record>(std::move(record));
  const std::lock_guard lock(mutex_);
  added->number = ++requests_;
  held_bytes_ += size_of(*added);
  records_.push_back(added);
  active_most_ = std::max(active_most_, ++active_);
  while (records_.size() > records_max || (held_bytes_ > held_bytes_max && records_.size() > 1)) {
    held_bytes_ -= size_of(*records_.front());
    records_.front()->number = 0;  // not in the book any more
    records_.pop_front();
  }
  return added;
}

void mock_record_book::sent(mock_record& record, const mock_sent& more) {
  const std::lock_guard lock(mutex_);
  sent_tokens_ += more.tokens;
  sent_bytes_ += static_cast<std::int64_t>(more.bytes);
  record.sent_tokens += more.tokens;
  record.sent_bytes += static_cast<std::int64_t>(more.bytes);
  record.sent_digest.add(more.text);
  for (const auto late : more.late_ns) late_.record(late);
  if (record.number == 0 || !record.keeps_text) return;
  record.sent_reasoning += more.reasoning;
  record.sent_text += more.text;
  held_bytes_ += more.reasoning.size() + more.text.size();
}

void mock_record_book::set_status(mock_record& record, int status) {
  const std::lock_guard lock(mutex_);
  record.status = status;
}

void mock_record_book::close(mock_record& record, ending how) {
  const std::lock_guard lock(mutex_);
  if (record.closed_at) return;
  record.closed_at = system_clock().wall_now();
  record.finished = how == ending::finished;
  record.closed_by_client = how == ending::closed_by_client;
  --active_;
  if (record.finished) ++finished_;
  if (record.closed_by_client) ++closed_by_client_;
}

std::int64_t mock_record_book::count(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (counts_.size() >= counts_max && !counts_.contains(key)) counts_.clear();
  return ++counts_[key];
}

std::string mock_record_book::list(std::optional<std::string_view> key, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<const mock_record*> chosen;
  for (auto i = records_.rbegin(); i != records_.rend() && chosen.size() < limit; ++i) {
    if (!key || (*i)->key == *key) chosen.push_back(i->get());
  }
  std::string out = "[";
  for (auto i = chosen.rbegin(); i != chosen.rend(); ++i) {
    if (out.size() > 1) out += ',';
    out += to_json(**i);
  }
  out += ']';
  return out;
}

std::string mock_record_book::digests(std::string_view prefix) const {
  const std::lock_guard lock(mutex_);
  std::string out = "[";
  for (const auto& record : records_) {
    if (!record->key.starts_with(prefix)) continue;
    if (out.size() > 1) out += ',';
    out += R"({"key":)";
    append_json_string(out, record->key);
    fmt::format_to(std::back_inserter(out), R"(,"hash":"{:016x}","bytes":{},"finished":{}}})",
                   record->sent_digest.hash, record->sent_digest.bytes, record->finished);
  }
  out += ']';
  return out;
}

std::string mock_record_book::stats() const {
  const std::lock_guard lock(mutex_);
  return fmt::format(
      R"({{"requests":{},"active":{},"active_most":{},"finished":{},"closed_by_client":{},)"
      R"("sent_tokens":{},"sent_bytes":{},"recorded":{},)"
      R"("late_us":{{"p50":{:.1f},"p99":{:.1f},"max":{:.1f}}}}})",
      requests_, active_, active_most_, finished_, closed_by_client_, sent_tokens_, sent_bytes_,
      records_.size(), microseconds(late_.quantile(0.5)), microseconds(late_.quantile(0.99)),
      microseconds(late_.max()));
}

void mock_record_book::clear() {
  const std::lock_guard lock(mutex_);
  for (const auto& record : records_) record->number = 0;
  records_.clear();
  counts_.clear();
  held_bytes_ = 0;
  requests_ = 0;
  active_most_ = active_;
  finished_ = 0;
  closed_by_client_ = 0;
  sent_tokens_ = 0;
  sent_bytes_ = 0;
  late_ = {};
}

}  // namespace throughline::app
