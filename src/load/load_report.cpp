#include "load/load_report.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json/parse.hpp>
#include <cmath>
#include <iterator>
#include <unordered_map>

namespace throughline::load {
namespace {

constexpr double mebi = 1024.0 * 1024.0;

double milliseconds_of(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) * 1e-6;
}

/// Three decimals are enough, and a file that people read.
double rounded(double value) {
  return std::round(value * 1000) / 1000;
}

json::object times_of(const histogram& of) {
  json::object out;
  out["count"] = of.count();
  out["p50"] = rounded(milliseconds_of(of.quantile(0.5)));
  out["p90"] = rounded(milliseconds_of(of.quantile(0.9)));
  out["p99"] = rounded(milliseconds_of(of.quantile(0.99)));
  out["p99_9"] = rounded(milliseconds_of(of.quantile(0.999)));
  out["max"] = rounded(milliseconds_of(of.max()));
  out["mean"] = rounded(of.mean() * 1e-6);
  return out;
}

double microseconds_per(double seconds, std::int64_t chunks) {
  return chunks == 0 ? 0 : rounded(seconds * 1e6 / static_cast<double>(chunks));
}

json::object cost_json(const cost& of, const load_outcome& outcome) {
  json::object out;
  out["cpu_s"] = rounded(of.cpu_s);
  out["cpu_user_s"] = of.cpu_user_s;
  out["cpu_system_s"] = of.cpu_system_s;
  out["cpu_us_per_chunk"] = microseconds_per(of.cpu_s, outcome.chunks);
  out["cores"] = rounded(of.cpu_s / std::max(outcome.seconds, 1e-9));
  return out;
}

double resident_kb_per_idle(const load_outcome& outcome) {
  if (outcome.idle_opened == 0) return 0;
  return rounded(
      static_cast<double>(outcome.server_resident_idle - outcome.server_resident_before) / 1024 /
      static_cast<double>(outcome.idle_opened));
}

json::object server_json(const load_outcome& outcome) {
  auto out = outcome.server_cost ? cost_json(*outcome.server_cost, outcome) : json::object();
  const auto megabytes = [](std::int64_t bytes) {
    return rounded(static_cast<double>(bytes) / mebi);
  };
  out["rss_mb_before"] = megabytes(outcome.server_resident_before);
  out["rss_mb_after"] = megabytes(outcome.server_resident_after);
  out["rss_mb_most"] = megabytes(outcome.server_resident_most);
  if (outcome.idle_opened > 0) out["rss_kb_per_idle_stream"] = resident_kb_per_idle(outcome);
  json::array samples;
  for (const auto& sample : outcome.samples) {
    samples.push_back(json::object{{"at_ms", sample.at_ms},
                                   {"rss_mb", megabytes(sample.resident_bytes)},
                                   {"descriptors", sample.descriptors}});
  }
  out["samples"] = std::move(samples);
  return out;
}

json::object plan_json(const load_plan& plan) {
  json::object out;
  out["servers"] = plan.servers.size();
  out["conversations"] = plan.conversations;
  out["chunks"] = plan.chunks;
  out["pace_ms"] = plan.pace.count();
  out["token_bytes"] = plan.token_bytes;
  out["subscribers"] = plan.subscribers;
  out["start_within_ms"] = plan.start_within.count();
  json::array cuts;
  for (const auto cut : plan.cuts) cuts.push_back(cut.count());
  out["cuts_ms"] = std::move(cuts);
  out["cut_for_ms"] = plan.cut_for.count();
  out["idle"] = plan.idle;
  return out;
}

std::string times_line(std::string_view name, const histogram& of) {
  if (of.count() == 0) return {};
  return fmt::format("  {:<34}{:>9.2f}{:>9.2f}{:>9.2f}{:>9.2f}{:>9.2f}\n", name,
                     milliseconds_of(of.quantile(0.5)), milliseconds_of(of.quantile(0.9)),
                     milliseconds_of(of.quantile(0.99)), milliseconds_of(of.quantile(0.999)),
                     milliseconds_of(of.max()));
}

std::string cost_line(std::string_view name, const cost& of, const load_outcome& outcome) {
  auto line =
      fmt::format("  {:<34}{:.2f} s ({:.2f} user, {:.2f} kernel), {:.2f} cores", name, of.cpu_s,
                  of.cpu_user_s, of.cpu_system_s, of.cpu_s / std::max(outcome.seconds, 1e-9));
  if (outcome.chunks > 0) {
    line +=
        fmt::format(", {:.1f} us per delivered chunk", microseconds_per(of.cpu_s, outcome.chunks));
  }
  return line + "\n";
}

/// A figure of which less is better.
struct figure {
  std::string_view name;
  std::string_view pointer;
};
constexpr std::array figures{
    figure{"POST p50 ms", "/post_ms/p50"},
    figure{"POST p99 ms", "/post_ms/p99"},
    figure{"first chunk p50 ms", "/first_chunk_ms/p50"},
    figure{"first chunk p99 ms", "/first_chunk_ms/p99"},
    figure{"delivery p50 ms", "/delivery_ms/p50"},
    figure{"delivery p99 ms", "/delivery_ms/p99"},
    figure{"delivery p99.9 ms", "/delivery_ms/p99_9"},
    figure{"resume p50 ms", "/resume_ms/p50"},
    figure{"resume p99 ms", "/resume_ms/p99"},
    figure{"server CPU us per chunk", "/server/cpu_us_per_chunk"},
    figure{"server memory, highest MB", "/server/rss_mb_most"},
    figure{"server KB per idle stream", "/server/rss_kb_per_idle_stream"},
    figure{"lost", "/chunks/lost"},
    figure{"repeated", "/chunks/repeated"},
    figure{"out of order", "/chunks/out_of_order"},
};

std::optional<double> number_at(const json::value& in, std::string_view pointer) {
  boost::system::error_code failure;
  const auto* const found = in.find_pointer(pointer, failure);
  if (failure || found == nullptr || !found->is_number()) return std::nullopt;
  return found->to_number<double>();
}

}  // namespace

result<model_account> account_of_model(const std::vector<received_text>& texts,
                                       std::string_view digests, std::string_view stats) {
  boost::system::error_code failure;
  const auto list = json::parse(digests, failure);
  if (failure || !list.is_array()) {
    return fail(errc::invalid_request, "the mock model's account cannot be read");
  }
  std::unordered_map<std::string, std::string> sent;
  for (const auto& one : list.get_array()) {
    const auto* const hash = one.is_object() ? one.get_object().if_contains("hash") : nullptr;
    const auto* const key = one.is_object() ? one.get_object().if_contains("key") : nullptr;
    const auto bytes = number_at(one, "/bytes");
    if (hash == nullptr || key == nullptr || !hash->is_string() || !key->is_string() || !bytes) {
      return fail(errc::invalid_request, "the mock model's account cannot be read");
    }
    sent[std::string(key->get_string())] =
        fmt::format("{} {}", std::string_view(hash->get_string()), *bytes);
  }
  model_account account;
  for (const auto& text : texts) {
    ++account.texts_compared;
    const auto found = sent.find(text.key);
    const auto received =
        fmt::format("{:016x} {}", text.digest.hash, static_cast<double>(text.digest.bytes));
    if (found == sent.end() || found->second != received) ++account.texts_different;
  }
  const auto counted = json::parse(stats, failure);
  if (failure) return fail(errc::invalid_request, "the mock model's account cannot be read");
  account.late_p50_us = number_at(counted, "/late_us/p50").value_or(0);
  account.late_p99_us = number_at(counted, "/late_us/p99").value_or(0);
  account.late_max_us = number_at(counted, "/late_us/max").value_or(0);
  return account;
}

std::vector<std::string> problems_in(const load_plan& plan, const load_outcome& outcome,
                                     const std::optional<model_account>& model) {
  std::vector<std::string> problems;
  const auto say = [&problems](std::int64_t count, std::string_view what) {
    if (count > 0) problems.push_back(fmt::format("{} {}", count, what));
  };
  if (outcome.interrupted) problems.emplace_back("the run was interrupted");
  say(outcome.posts_refused, "posts were refused; the first: " + outcome.refusal);
  say(plan.conversations - outcome.posts - outcome.posts_refused, "posts were not answered");
  say(outcome.lost, "chunks were lost");
  say(outcome.repeated, "chunks came twice");
  say(outcome.out_of_order, "chunks came out of order");
  say(outcome.readers_broken, "readers never saw the end of their answer");
  say(outcome.readers_failed, "answers ended as an error");
  say(plan.idle - outcome.idle_opened, "event streams were not opened");
  say(outcome.idle_dropped, "event streams were dropped");
  if (model) say(model->texts_different, "texts are not what the model sent");
  return problems;
}

json::object to_json(const load_plan& plan, const load_outcome& outcome,
                     const std::optional<model_account>& model) {
  json::object out;
  out["version"] = THROUGHLINE_VERSION;
  out["plan"] = plan_json(plan);
  out["seconds"] = rounded(outcome.seconds);
  out["posts"] = json::object{{"answered", outcome.posts}, {"refused", outcome.posts_refused}};
  out["readers"] =
      json::object{{"all", outcome.readers},           {"ended", outcome.readers_ended},
                   {"failed", outcome.readers_failed}, {"broken", outcome.readers_broken},
                   {"reconnects", outcome.reconnects}, {"restarted_answers", outcome.restarts}};
  out["chunks"] = json::object{{"delivered", outcome.chunks},
                               {"per_second", std::round(static_cast<double>(outcome.chunks) /
                                                         std::max(outcome.seconds, 1e-9))},
                               {"bytes", outcome.bytes},
                               {"lost", outcome.lost},
                               {"repeated", outcome.repeated},
                               {"out_of_order", outcome.out_of_order}};
  out["idle_streams"] = outcome.idle_opened;
  out["idle_streams_dropped"] = outcome.idle_dropped;
  out["post_ms"] = times_of(outcome.post);
  out["first_chunk_ms"] = times_of(outcome.first_chunk);
  out["delivery_ms"] = times_of(outcome.delivery);
  out["resume_ms"] = times_of(outcome.resume);
  out["reconnect_ms"] = times_of(outcome.reconnect);
  out["outage_ms"] = times_of(outcome.outage);
  out["server"] = server_json(outcome);
  out["bench"] = cost_json(outcome.own_cost, outcome);
  if (model) {
    json::object account;
    if (outcome.mock_model_cost) account = cost_json(*outcome.mock_model_cost, outcome);
    account["texts_compared"] = model->texts_compared;
    account["texts_different"] = model->texts_different;
    account["late_us"] = json::object{
        {"p50", model->late_p50_us}, {"p99", model->late_p99_us}, {"max", model->late_max_us}};
    out["mock_model"] = std::move(account);
  }
  json::array problems;
  for (auto& problem : problems_in(plan, outcome, model)) problems.emplace_back(problem);
  out["ok"] = problems.empty();
  out["problems"] = std::move(problems);
  return out;
}

std::string to_text(const load_plan& plan, const load_outcome& outcome,
                    const std::optional<model_account>& model) {
  std::string out;
  const auto add = std::back_inserter(out);
  if (plan.conversations > 0) {
    fmt::format_to(add, "{} answers of {} chunks, one per {} ms, {} reader{} each, in {:.1f} s\n",
                   plan.conversations, plan.chunks, plan.pace.count(), plan.subscribers,
                   plan.subscribers == 1 ? "" : "s", outcome.seconds);
    fmt::format_to(add, "  {} chunks delivered, {:.0f} per second; {} of {} readers saw the end\n",
                   outcome.chunks,
                   static_cast<double>(outcome.chunks) / std::max(outcome.seconds, 1e-9),
                   outcome.readers_ended, outcome.readers);
    fmt::format_to(add, "  lost {}, repeated {}, out of order {}, ", outcome.lost, outcome.repeated,
                   outcome.out_of_order);
    out += model ? fmt::format("{} of {} texts differ from what the model sent\n",
                               model->texts_different, model->texts_compared)
                 : "texts not compared (that needs --mock-url)\n";
    if (outcome.reconnects + outcome.restarts > 0) {
      fmt::format_to(add, "  connections broken and made again {}, answers begun again {}\n",
                     outcome.reconnects, outcome.restarts);
    }
    fmt::format_to(add, "\n  {:<34}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "milliseconds", "p50", "p90",
                   "p99", "p99.9", "max");
    out += times_line("POST to its reply", outcome.post);
    out += times_line("POST to first chunk", outcome.first_chunk);
    out += times_line("model's send to reader's receive", outcome.delivery);
    out += times_line("resume to first missing chunk", outcome.resume);
    out += times_line("the same with the connection", outcome.reconnect);
    out += times_line("break to next chunk", outcome.outage);
    out += "\n";
  }
  // Without load there is no time over which a cost means anything.
  const bool has_load = plan.conversations > 0;
  if (outcome.server_cost) {
    if (has_load) out += cost_line("server CPU", *outcome.server_cost, outcome);
    fmt::format_to(add, "  {:<34}{:.1f} MB before, {:.1f} after, {:.1f} at most\n", "server memory",
                   static_cast<double>(outcome.server_resident_before) / mebi,
                   static_cast<double>(outcome.server_resident_after) / mebi,
                   static_cast<double>(outcome.server_resident_most) / mebi);
  }
  if (plan.idle > 0) {
    fmt::format_to(add, "  {:<34}{} idle event streams, {:.2f} KB of server memory each\n", "",
                   outcome.idle_opened, resident_kb_per_idle(outcome));
  }
  if (outcome.mock_model_cost && has_load)
    out += cost_line("mock model CPU", *outcome.mock_model_cost, outcome);
  if (model && has_load) {
    fmt::format_to(add, "  {:<34}p50 {:.3f} ms, p99 {:.3f} ms, max {:.1f} ms\n",
                   "mock model behind its pace", model->late_p50_us / 1000,
                   model->late_p99_us / 1000, model->late_max_us / 1000);
  }
  if (has_load) out += cost_line("this program's CPU", outcome.own_cost, outcome);
  for (const auto& problem : problems_in(plan, outcome, model)) out += "WRONG: " + problem + "\n";
  return out;
}

std::string compare_reports(const json::object& before, const json::object& now) {
  constexpr double noise = 1.2;
  std::string out;
  std::string worse;
  const json::value old_report = before;
  const json::value new_report = now;
  for (const auto& one : figures) {
    const auto was = number_at(old_report, one.pointer);
    const auto is = number_at(new_report, one.pointer);
    if (!was || !is || (*was == 0 && *is == 0)) continue;
    const bool got_worse = *is > *was * noise;
    const bool got_better = *is * noise < *was;
    const auto ratio = *was == 0 ? std::string("-") : fmt::format("x {:.2f}", *is / *was);
    fmt::format_to(std::back_inserter(out), "  {:<28}{:>10.3f} -> {:>10.3f}  {:>8}  {}\n", one.name,
                   *was, *is, ratio,
                   got_worse    ? "worse"
                   : got_better ? "better"
                                : "");
    if (got_worse) worse += (worse.empty() ? "" : ", ") + std::string(one.name);
  }
  out += worse.empty() ? "Nothing got worse by more than a fifth.\n" : "Worse: " + worse + ".\n";
  return out;
}

}  // namespace throughline::load
