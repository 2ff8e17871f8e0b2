// What /metrics tells: each metric is named once, here, with its help, kind, unit and labels, and
// any floor counts into it. Counting is one atomic increment (a histogram's: two): whoever counts
// asks for its counter once, by find_counter(), and keeps the reference, which stays valid until
// the process ends. Counters are of the process, not of an object.
//
//   metrics::counter& commits = metrics::find_counter(metrics::database_commit_failures);
//   commits.add();
//
// Names are Prometheus's: the unit last, counters end in `_total`. A metric in seconds is counted
// in nanoseconds. api/metrics_text.hpp writes them; docs/operations.md says what each means, and a
// test compares the two.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace throughline::metrics {

enum class kind : std::uint8_t { counter, gauge, histogram };
enum class unit : std::uint8_t { none, seconds, bytes };

struct definition {
  std::string_view name;
  kind is = kind::counter;
  unit in = unit::none;
  std::array<std::string_view, 3> labels{};  // empty names: fewer labels
  std::string_view help;
  std::span<const double> bounds;  // of a histogram's buckets, in its unit
};

inline constexpr std::array<double, 12> bounds_of_short_times{
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5};
inline constexpr std::array<double, 12> bounds_of_delivery{
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5};
inline constexpr std::array<double, 11> bounds_of_requests{
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 30};
inline constexpr std::array<double, 12> bounds_of_answers{0.05, 0.1, 0.25, 0.5, 1,   2,
                                                          5,    10,  30,   60,  300, 1800};
inline constexpr std::array<double, 9> bounds_of_groups{1, 2, 4, 8, 16, 32, 64, 128, 256};

// --- requests ------------------------------------------------------------------------------------

inline constexpr definition http_requests{
    "throughline_http_requests_total",
    kind::counter,
    unit::none,
    {"method", "route", "status"},
    "Requests that were answered, by class of status; route is the pattern, or 'none'",
    {}};
inline constexpr definition http_request_time{"throughline_http_request_seconds",
                                              kind::histogram,
                                              unit::seconds,
                                              {"method", "route"},
                                              "From a whole request to the head of its answer",
                                              bounds_of_requests};
inline constexpr definition http_refused{
    "throughline_http_refused_total",
    kind::counter,
    unit::none,
    {"status"},
    "Requests and connections that were refused before any route saw them, by status",
    {}};
inline constexpr definition access_refused{
    "throughline_access_refused_total",
    kind::counter,
    unit::none,
    {"reason"},
    "Requests without a good access token: no_token, wrong_token, limited (was wrong too often)",
    {}};
inline constexpr definition http_connections{
    "throughline_http_connections", kind::gauge, unit::none, {}, "Open connections", {}};

// --- the queue and its tasks ---------------------------------------------------------------------

inline constexpr definition tasks{"throughline_tasks",
                                  kind::gauge,
                                  unit::none,
                                  {"state"},
                                  "Tasks that have not ended, by state in the queue",
                                  {}};
inline constexpr definition queue_depth{
    "throughline_queue_tasks",
    kind::gauge,
    unit::none,
    {"queue"},
    "Tasks that could run now and wait for a worker or for a slot of their owner",
    {}};
inline constexpr definition queue_age{"throughline_queue_oldest_seconds",
                                      kind::gauge,
                                      unit::seconds,
                                      {"queue"},
                                      "How long the one of them that has waited longest has waited",
                                      {}};
inline constexpr definition queue_unserved{
    "throughline_queue_unserved_tasks",
    kind::gauge,
    unit::none,
    {},
    "Tasks that have not ended, in queues that no live worker serves",
    {}};
inline constexpr definition queue_sample_age{
    "throughline_queue_sample_age_seconds",
    kind::gauge,
    unit::seconds,
    {},
    "How old the figures of tasks and queues are; they are asked for at most every 5 s",
    {}};
inline constexpr definition tasks_accepted{
    "throughline_tasks_accepted_total",
    kind::counter,
    unit::none,
    {},
    "Posts, edits, regenerates and retries that were accepted",
    {}};
inline constexpr definition task_wait{"throughline_task_wait_seconds",
                                      kind::histogram,
                                      unit::seconds,
                                      {},
                                      "From a post to the claim of its first attempt",
                                      bounds_of_answers};

// --- answers -------------------------------------------------------------------------------------

inline constexpr definition attempts{
    "throughline_attempts_total", kind::counter, unit::none, {}, "Attempts begun", {}};
inline constexpr definition attempts_failed{"throughline_attempts_failed_total",
                                            kind::counter,
                                            unit::none,
                                            {"cause"},
                                            "Attempts that failed, by error code",
                                            {}};
inline constexpr definition retries{"throughline_retries_total",
                                    kind::counter,
                                    unit::none,
                                    {"cause"},
                                    "Tasks that went back to the queue for another attempt, by "
                                    "error code, 'handed_back' or 'restart'",
                                    {}};
inline constexpr definition answers{"throughline_answers_total",
                                    kind::counter,
                                    unit::none,
                                    {"ending"},
                                    "Answers that ended, as 'completed', 'cancelled' or 'error'",
                                    {}};
inline constexpr definition first_chunk_time{
    "throughline_answer_first_chunk_seconds",         kind::histogram,  unit::seconds, {},
    "From the start of an attempt to its first text", bounds_of_answers};
inline constexpr definition answer_time{"throughline_answer_seconds",
                                        kind::histogram,
                                        unit::seconds,
                                        {},
                                        "From the start of an attempt to the end of its answer",
                                        bounds_of_answers};
inline constexpr definition worker_running{
    "throughline_worker_running", kind::gauge, unit::none, {}, "Answers being written now", {}};
inline constexpr definition provider_running{
    "throughline_provider_running",
    kind::gauge,
    unit::none,
    {"provider"},
    "Answers of a provider with a limit that are being written now",
    {}};
inline constexpr definition provider_limit{"throughline_provider_limit",
                                           kind::gauge,
                                           unit::none,
                                           {"provider"},
                                           "How many of them there may be in this process",
                                           {}};
inline constexpr definition worker_progress_age{
    "throughline_worker_progress_age_seconds",
    kind::gauge,
    unit::seconds,
    {},
    "Since the worker last claimed and renewed its lease; grows when it is stuck",
    {}};

// --- streams -------------------------------------------------------------------------------------

inline constexpr definition chunks_appended{"throughline_chunks_appended_total",
                                            kind::counter,
                                            unit::none,
                                            {},
                                            "Chunks written into logs",
                                            {}};
inline constexpr definition followers{
    "throughline_followers",
    kind::gauge,
    unit::none,
    {},
    "Readers of answers: each stream of one answer, and each answer of an event stream",
    {}};
inline constexpr definition stream_resumes{"throughline_stream_resumes_total",
                                           kind::counter,
                                           unit::none,
                                           {},
                                           "Readers that came back with a position",
                                           {}};
inline constexpr definition stream_gaps{
    "throughline_stream_gaps_total",
    kind::counter,
    unit::none,
    {},
    "Chunks about to be handed to a reader that were not the next ones; must stay 0",
    {}};
inline constexpr definition append_to_write{
    "throughline_append_to_write_seconds",
    kind::histogram,
    unit::seconds,
    {},
    "From the append of a chunk to a log to its write to a reader's socket, of some of them",
    bounds_of_delivery};
inline constexpr definition chunk_logs{"throughline_chunk_logs", kind::gauge, unit::none, {},
                                       "Logs in memory",         {}};
inline constexpr definition chunk_log_bytes{
    "throughline_chunk_log_bytes", kind::gauge, unit::bytes, {}, "Memory of all logs", {}};

// --- database ------------------------------------------------------------------------------------

inline constexpr definition commit_time{
    "throughline_database_commit_seconds",          kind::histogram,      unit::seconds, {},
    "Commits, and how long the disk took for each", bounds_of_short_times};
inline constexpr definition commit_group{
    "throughline_database_commit_transactions", kind::histogram, unit::none, {},
    "Transactions that share a commit",         bounds_of_groups};
inline constexpr definition commit_failures{
    "throughline_database_commit_failures_total",
    kind::counter,
    unit::none,
    {},
    "Groups and transactions that were rolled back because of a failure",
    {}};
inline constexpr definition transactions_waiting{
    "throughline_database_waiting",
    kind::gauge,
    unit::none,
    {"kind"},
    "Transactions that wait for a thread, to 'write' or to 'read'",
    {}};

inline constexpr definition statement_time{
    "throughline_database_statement_seconds",
    kind::histogram,
    unit::seconds,
    {},
    "Round trips to PostgreSQL: one statement, with those that needed no answer of their own",
    bounds_of_short_times};
inline constexpr definition database_connections{
    "throughline_database_connections",
    kind::gauge,
    unit::none,
    {"state"},
    "Connections to PostgreSQL: 'most' that this process makes, 'open', and 'used' by a "
    "transaction now",
    {}};
inline constexpr definition database_reconnects{
    "throughline_database_reconnects_total",
    kind::counter,
    unit::none,
    {},
    "Connections to PostgreSQL that broke while they were used or had broken before",
    {}};
inline constexpr definition transactions_repeated{
    "throughline_database_repeated_total",
    kind::counter,
    unit::none,
    {"cause"},
    "Transactions that ran again: 'conflict' with another one, 'connection' lost, or lost at the "
    "commit ('in_doubt')",
    {}};
inline constexpr definition database_unreachable_since{
    "throughline_database_unreachable_since_seconds",
    kind::gauge,
    unit::seconds,
    {},
    "Since when PostgreSQL cannot be reached, in seconds since 1970; 0: it can",
    {}};

// --- Redis ---------------------------------------------------------------------------------------

inline constexpr definition redis_command_time{
    "throughline_redis_command_seconds", kind::histogram,      unit::seconds, {},
    "From a command to its reply",       bounds_of_short_times};
inline constexpr definition redis_commands_failed{
    "throughline_redis_commands_failed_total",
    kind::counter,
    unit::none,
    {"cause"},
    "Commands that were refused by Redis, by its error, or had no reply: 'timeout', 'lost', "
    "'away', "
    "'queue_full'",
    {}};
inline constexpr definition redis_reconnects{
    "throughline_redis_reconnects_total",
    kind::counter,
    unit::none,
    {"connection"},
    "Connections that were made again, for 'commands' or for 'subscriptions'",
    {}};
inline constexpr definition redis_subscription_errors{
    "throughline_redis_subscription_errors_total",
    kind::counter,
    unit::none,
    {},
    "Times that subscriptions were lost or refused",
    {}};
inline constexpr definition redis_away_since{
    "throughline_redis_away_since_seconds",
    kind::gauge,
    unit::seconds,
    {},
    "Since when Redis has been away, since 1970; 0 while it is there",
    {}};
inline constexpr definition redis_used_memory{
    "throughline_redis_used_memory_bytes", kind::gauge, unit::bytes, {}, "Memory Redis uses", {}};
inline constexpr definition redis_evicted_keys{
    "throughline_redis_evicted_keys",
    kind::gauge,
    unit::none,
    {},
    "Keys that Redis has evicted since it started; must stay 0",
    {}};
inline constexpr definition chunk_log_rewrites{
    "throughline_chunk_log_rewrites_total",
    kind::counter,
    unit::none,
    {},
    "Logs that were lost and written again by their worker",
    {}};

// --- the process ---------------------------------------------------------------------------------

inline constexpr definition loop_lag{
    "throughline_event_loop_lag_seconds",
    kind::gauge,
    unit::seconds,
    {"loop"},
    "The longest that work had to wait for its event loop, of the last 15 s",
    {}};
inline constexpr definition log_lines_lost{
    "throughline_log_lines_lost_total",
    kind::counter,
    unit::none,
    {},
    "Log lines that were dropped because the output did not take them",
    {}};
inline constexpr definition build{
    "throughline_build_info", kind::gauge, unit::none, {"version"}, "Always 1", {}};
inline constexpr definition process_cpu{"process_cpu_seconds_total",
                                        kind::counter,
                                        unit::seconds,
                                        {},
                                        "Time on processors, user and system",
                                        {}};
inline constexpr definition process_memory{
    "process_resident_memory_bytes", kind::gauge, unit::bytes, {}, "Memory that is resident", {}};
inline constexpr definition process_descriptors{
    "process_open_fds", kind::gauge, unit::none, {}, "Open file descriptors", {}};
inline constexpr definition process_descriptors_max{
    "process_max_fds", kind::gauge, unit::none, {}, "How many of them there may be", {}};
inline constexpr definition process_start{
    "process_start_time_seconds", kind::gauge, unit::seconds, {}, "Start, since 1970", {}};

/// All of them, in the order in which they are shown.
[[nodiscard]] std::span<const definition* const> definitions() noexcept;

// --- counting ------------------------------------------------------------------------------------

/// Grows. Alone on its cache line: two loops that count different things do not disturb each other.
class alignas(64) counter {
 public:
  void add(std::uint64_t more = 1) noexcept { value_.fetch_add(more, std::memory_order_relaxed); }
  /// For one that somebody else keeps, like the kernel.
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down, or is set.
class alignas(64) gauge {
 public:
  void add(std::int64_t more) noexcept { value_.fetch_add(more, std::memory_order_relaxed); }
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void set(std::chrono::nanoseconds value) noexcept { set(std::int64_t{value.count()}); }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Counts how often a value fell between two bounds, and sums up.
class alignas(64) histogram {
 public:
  static constexpr std::size_t bounds_max = 12;

  /// `bounds` in units of which one is `per_unit` of what is observed.
  histogram(std::span<const double> bounds, double per_unit) noexcept;
  void observe(std::int64_t value) noexcept;
  void observe(std::chrono::nanoseconds value) noexcept { observe(std::int64_t{value.count()}); }

  /// How many were at most the bound, for each bound; not yet summed up.
  [[nodiscard]] std::uint64_t in_bucket(std::size_t i) const noexcept {
    return counts_[i].load(std::memory_order_relaxed);
  }
  /// Buckets, the one without an upper bound included.
  [[nodiscard]] std::size_t buckets() const noexcept { return size_ + 1; }
  [[nodiscard]] std::int64_t sum() const noexcept { return sum_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t count() const noexcept;

 private:
  std::size_t size_ = 0;
  std::array<std::int64_t, bounds_max> bounds_{};
  std::array<std::atomic<std::uint64_t>, bounds_max + 1> counts_{};
  std::atomic<std::int64_t> sum_{0};
};

/// The one with these label values, in the order of the definition's labels; made at the first call
/// that names them, which takes a mutex: call once, keep the reference. Asserted: the definition is
/// of that kind and listed in definitions(), and there are as many values as labels.
[[nodiscard]] counter& find_counter(const definition& which, std::vector<std::string> labels = {});
[[nodiscard]] gauge& find_gauge(const definition& which, std::vector<std::string> labels = {});
[[nodiscard]] histogram& find_histogram(const definition& which,
                                        std::vector<std::string> labels = {});

// --- showing -------------------------------------------------------------------------------------

/// One line, or of a histogram the lines of one set of labels, in the definition's unit.
struct series {
  std::vector<std::string> labels;
  double value = 0;                    // of a histogram the sum
  std::vector<std::uint64_t> buckets;  // of a histogram, each with all that are below it
};
struct family {
  const definition* what = nullptr;
  std::vector<series> all;
};

/// Every metric with what was counted until now, in the order of definitions(). A metric without
/// labels is always there; one with labels has the series that were asked for.
[[nodiscard]] std::vector<family> snapshot();

}  // namespace throughline::metrics
